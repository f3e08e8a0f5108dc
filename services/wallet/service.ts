import { UserRegisteredSchema } from "../../gen/giftmesh/profile/v1/user_pb.ts";
import { consume } from "../platform/events/consumer.ts";
import { countLane } from "../platform/lane-metrics.ts";
import type { ServiceDefinition } from "../platform/service.ts";
import { Charging } from "./charging.ts";
import { developmentProvider } from "./domain/payment-provider.ts";
import { Ledger, transferNumbersAtOnce } from "./ledger.ts";
import { serveLedger } from "./rpc/ledger.ts";
import { serveLedgerAdmin } from "./rpc/ledger-admin.ts";
import { servePoints } from "./rpc/points.ts";
import { Accounts } from "./store/accounts.ts";
import { Charges } from "./store/charges.ts";
import { migrations } from "./store/migrations.ts";
import { putDownSystemBalances } from "./store/system-balances.ts";
import { TransactionLog } from "./store/transaction-log.ts";

/** Keeps everybody's money: the ledger, and what members see of it. */
export const wallet: ServiceDefinition = {
  name: "wallet",
  migrations,
  async create({ config: { defaultCurrency }, database, metrics, ids }) {
    const accounts = new Accounts(database, ids("accounts"));
    const ledger = new Ledger(
      database,
      accounts,
      ids("transfers", transferNumbersAtOnce),
      countLane(metrics, "transfers"),
    );
    const charges = new Charges(database, countLane(metrics, "charges"));
    const charging = new Charging(ledger, charges, developmentProvider);
    const log = new TransactionLog(database);
    return {
      serves: [
        servePoints({ charging, accounts, log, defaultCurrency }),
        serveLedger(ledger, accounts, database, defaultCurrency),
        serveLedgerAdmin(database),
      ],
      consumes: [
        consume({
          name: "wallet-open",
          subject: "giftmesh.profile.user-registered",
          message: UserRegisteredSchema,
          async handle({ userId }) {
            return [await accounts.opening([{ owner: { kind: "wallet", userId }, currency: defaultCurrency }])];
          },
        }),
      ],
      workers: [
        charging.recovery,
        {
          name: "put-down-system-balances",
          everyMs: 600_000,
          alone: true,
          run: () => putDownSystemBalances(database),
        },
      ],
    };
  },
};
