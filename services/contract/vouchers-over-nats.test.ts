import test from "ava";
import { Broker } from "../platform/testing/broker.ts";
import { sqliteEngine } from "../platform/testing/engines.ts";
import { declareVouchers } from "./testing/vouchers/themes.ts";
import { VoucherHouse } from "./testing/vouchers/voucher-house.ts";

if (Broker.isInstalled()) {
  // A server of its own: a mesh has but one name on a server.
  const broker = await Broker.prepare();
  await broker.start();
  declareVouchers(await VoucherHouse.open(sqliteEngine(), { NATS_URL: broker.url }), "over NATS");
  test.after.always(() => broker.remove());
} else {
  test("no nats-server is installed, to ask for vouchers over", (t) => t.pass());
}
