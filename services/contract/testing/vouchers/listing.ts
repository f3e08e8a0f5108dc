import test from "ava";
import { VoucherChannel } from "../../../../gen/giftmesh/voucher/v1/voucher_events_pb.ts";
import { eventually } from "../../../platform/testing/eventually.ts";
import { ask } from "../both-ways.ts";
import { iso } from "../shop.ts";
import { newPhone, type VoucherHouse } from "./voucher-house.ts";

interface Listed {
  readonly request_id: number;
  readonly voucher_code: string;
}

/** `GET /voucher?phoneNumber=`. */
export function listing(house: VoucherHouse, how: string): void {
  const { integration } = house;
  const listed = (body: { readonly data?: unknown }) => body.data as readonly Listed[];

  test(`a phone's codes are listed for whoever's it is, and for admins; requests without a code are not ${how}`, async (t) => {
    const phone = newPhone();
    const owner = await house.newOwner(phone);
    const [web, sms, failing] = [await house.ask(phone), await house.ask(phone), await house.ask(phone)];
    await house.ask(phone);
    await integration.refuse(BigInt(failing.request_id));
    const seeing = house.see(web, 30);
    await integration.deliver({ requestId: BigInt(web.request_id), code: "LISTED-1" });
    await seeing;
    await integration.deliver({ requestId: BigInt(sms.request_id), code: "LISTED-2", channel: VoucherChannel.SMS });
    const path = `/voucher?phoneNumber=${encodeURIComponent(phone)}`;
    await eventually(async () => listed((await owner.client.get(path)).body).length === 2);

    for (const client of [owner.client, house.admin, await house.newStaff("admin")]) {
      for (const phone_number of [phone, phone.replace("+84", "0")]) {
        const { status, body } = await ask(t, client, "VoucherService/ListVouchers", { phone_number });
        t.is(status, 200);
        const [first, second] = body.data as unknown as Record<string, unknown>[];
        t.deepEqual(first, {
          request_id: sms.request_id,
          voucher_code: "LISTED-2",
          status: "delivered",
          channel: "sms",
          requested_at: first?.requested_at,
          received_at: first?.received_at,
        });
        t.like(second, { request_id: web.request_id, voucher_code: "LISTED-1", status: "delivered", channel: "web" });
        for (const at of [first?.requested_at, first?.received_at]) t.regex(String(at), iso);
        t.deepEqual(body.meta, { current_page: 1, per_page: 20, total: 2, last_page: 1, next_cursor: null });
      }
    }
  });

  test(`the list goes by pages and by cursors ${how}`, async (t) => {
    const phone = newPhone();
    const requests = await Promise.all(Array.from({ length: 5 }, () => house.ask(phone)));
    for (const [index, { request_id }] of requests.entries()) {
      await integration.deliver({ requestId: BigInt(request_id), code: `PAGE-${index}` });
    }
    const path = `/voucher?phoneNumber=${encodeURIComponent(phone)}&per_page=2`;
    await eventually(async () => (await house.admin.get(path)).body.meta?.total === 5);
    const codes: string[] = [];
    let cursor = "";
    for (let page = 1; page <= 3; page++) {
      const byNumber = await house.admin.get(`${path}&page=${page}`);
      t.like(byNumber.body.meta, { current_page: page, per_page: 2, total: 5, last_page: 3 });
      if (page > 1) {
        const byCursor = await house.admin.get(`${path}&cursor=${cursor}`);
        t.deepEqual(byCursor.body.data, byNumber.body.data);
      }
      codes.push(...listed(byNumber.body).map(({ voucher_code }) => voucher_code));
      cursor = String(byNumber.body.meta?.next_cursor);
    }
    t.is(cursor, "null");
    t.deepEqual(codes, ["PAGE-4", "PAGE-3", "PAGE-2", "PAGE-1", "PAGE-0"]);
    const far = await ask(t, house.admin, "VoucherService/ListVouchers", {
      phone_number: phone,
      page: 101,
      per_page: 100,
    });
    t.is(far.status, 422);
  });

  test(`nobody else sees a phone's codes: another, one who has not verified it, a vendor, and nobody at all ${how}`, async (t) => {
    const phone = newPhone();
    await house.newOwner(phone);
    const unverified = await house.anonymous.newUser({ phone_number: phone });
    const others = [await house.newOwner(newPhone()), unverified].map(({ client }) => client);
    for (const client of [...others, await house.newStaff("vendor")]) {
      const { status, body } = await ask(t, client, "VoucherService/ListVouchers", { phone_number: phone });
      t.deepEqual([status, body.code], [403, "FORBIDDEN"]);
    }
    const { status, body } = await ask(t, house.anonymous, "VoucherService/ListVouchers", { phone_number: phone });
    t.deepEqual([status, body.code], [401, "UNAUTHENTICATED"]);
  });

  test(`no list is of what is no phone ${how}`, async (t) => {
    for (const phone_number of ["", "123"]) {
      const { status, body } = await ask(t, house.admin, "VoucherService/ListVouchers", { phone_number });
      t.is(status, 422);
      t.deepEqual(Object.keys(body.errors ?? {}), ["phone_number"]);
    }
  });
}
