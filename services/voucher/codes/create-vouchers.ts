import { NotificationService } from "../../../gen/giftmesh/notification/v1/notification_service_pb.ts";
import { ContactService } from "../../../gen/giftmesh/profile/v1/contact_service_pb.ts";
import { aboutVoucher } from "../../platform/codes/about-voucher.ts";
import { CodeKeyRows, codeKeysMigration } from "../../platform/codes/code-key-rows.ts";
import { openCodeKeys } from "../../platform/codes/open-code-keys.ts";
import { Resealing } from "../../platform/codes/resealing.ts";
import { countLane } from "../../platform/lane-metrics.ts";
import { readPhoneRegion } from "../../platform/phone-number.ts";
import type { Migration, Platform, RunningService } from "../../platform/service.ts";
import { CodeArrivals } from "./code-arrivals.ts";
import { CodeMessages } from "./code-messages.ts";
import { DueRequests } from "./due-requests.ts";
import { NewRequests } from "./new-requests.ts";
import { News } from "./news.ts";
import { RequestSteps } from "./request-steps.ts";
import { serveVouchers } from "./rpc/vouchers.ts";
import { voucherRequestsMigration } from "./store/migrations.ts";
import { VoucherList } from "./store/voucher-list.ts";
import { table, VoucherRequests } from "./store/voucher-requests.ts";
import { VoucherCodes } from "./voucher-codes.ts";
import { Watchers } from "./watchers.ts";
import { showWatchers } from "./watchers-metric.ts";

/** Requests are numbered so many at a time. */
const numbersAtOnce = 10_000n;

export const voucherMigrations: readonly Migration[] = [voucherRequestsMigration, codeKeysMigration("003-code-keys")];

/** Makes all that there is about voucher codes. Throws a ConfigError where their keys are not all there. */
export async function createVouchers(
  platform: Platform,
): Promise<Required<Pick<RunningService, "serves" | "consumes" | "workers" | "stop">>> {
  const { config, database, clients, outbox, signals, log, metrics, ids } = platform;
  const keyRows = new CodeKeyRows(database, table);
  const keys = await openCodeKeys("voucher", config, keyRows);
  const codes = new VoucherCodes(keys);
  const requests = new VoucherRequests(database);
  const news = new News(signals);
  const steps = new RequestSteps(database, countLane(metrics, "voucher_steps"));
  const newRequests = new NewRequests({ database, requests, outbox, observe: countLane(metrics, "voucher_requests") });
  const watchers = new Watchers({ requests, news, log });
  showWatchers(metrics, watchers);
  const served = serveVouchers({
    ids: ids("voucher_requests", numbersAtOnce),
    patience: {
      lateAfter: BigInt(config.voucher.lateAfterMs) * 1_000n,
      giveUpAfter: BigInt(config.voucher.giveUpAfterMs) * 1_000n,
    },
    phoneRegion: readPhoneRegion(config.defaultPhoneRegion),
    newRequests,
    steps,
    watchers,
    news,
    list: new VoucherList(database),
    codes,
    contacts: clients.of(ContactService),
  });
  const notifications = clients.of(NotificationService);
  return {
    serves: [served],
    consumes: [new CodeArrivals({ database, requests, codes, news }).consumer],
    workers: [
      new DueRequests({ requests, steps, news }).worker,
      new CodeMessages({ requests, steps, codes, notifications, news, log }).worker,
      new Resealing(database, keys, keyRows, aboutVoucher).worker,
    ],
    stop: async () => watchers.stop(),
  };
}
