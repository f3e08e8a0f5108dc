import type { ServiceDefinition } from "../platform/service.ts";
import { Callbacks } from "./callbacks.ts";
import { createServer } from "./http/server.ts";
import { Making } from "./making.ts";
import { Behaviours } from "./store/behaviours.ts";
import { migrations } from "./store/migrations.ts";
import { Vouchers } from "./store/vouchers.ts";

/**
 * Stands in for the voucher provider, in development and tests. What it has promised it keeps: its vouchers and how it
 * behaves outlive it. There is to be one of it.
 */
export const providerSimulator: ServiceDefinition = {
  name: "provider-simulator",
  migrations,
  async create({ config, database, ids, log }) {
    const pace = { ackAfterMs: config.voucherProvider.ackAfterMs, lateAfterMs: config.voucher.lateAfterMs };
    const vouchers = new Vouchers(database);
    const behaviours = await Behaviours.open(database);
    const callbacks = new Callbacks({ vouchers, behaviours, pace, log });
    const onCallbacks = () => callbacks.wake();
    const making = new Making({ database, ids: ids("vouchers"), behaviours, pace, onCallbacks });
    const guarded = config.production;
    const server = await createServer({ making, vouchers, behaviours, pace, guarded, log });
    return {
      serves: [],
      listens: [
        {
          setting: "VOUCHER_PROVIDER_PORT",
          port: config.voucherProvider.port,
          title: "voucher provider's stand-in",
          server,
        },
      ],
      workers: [callbacks.worker],
    };
  },
};
