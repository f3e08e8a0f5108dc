import test from "ava";
import { VoucherChannel } from "../../../gen/giftmesh/voucher/v1/voucher_events_pb.ts";
import { VoucherStatus } from "../../../gen/giftmesh/voucher/v1/voucher_service_pb.ts";
import { engines } from "../../platform/testing/engines.ts";
import { newNumber, RunningVouchers } from "./testing/running-vouchers.ts";

const found = await engines();
const all = await Promise.all(found.map(async (engine) => ({ engine, running: await RunningVouchers.start(engine) })));

for (const { engine, running } of all) {
  const on = `on ${engine.name}`;
  test.after.always(`stop on ${engine.name}`, async () => {
    await running.stop();
    await engine.remove();
  });

  test(`a code in time is shown on the web to whoever waits for it ${on}`, async (t) => {
    const asked = await running.ask();
    const looking = running.look(asked, 30);
    await running.integration.deliver({ requestId: asked.requestId, code: "WEB-CODE" });
    t.like(await looking, { status: VoucherStatus.DELIVERED, channel: VoucherChannel.WEB, voucherCode: "WEB-CODE" });
  });

  test(`sms ${on}`, async (t) => {
    const phone = newNumber();
    const asked = await running.ask(phone);
    await running.integration.deliver({ requestId: asked.requestId, code: "SMS-CODE", channel: VoucherChannel.SMS });
    t.deepEqual(await running.toldTo(phone), [
      "Thank you for using our services, your voucher code is ready: SMS-CODE",
    ]);
  });
}
