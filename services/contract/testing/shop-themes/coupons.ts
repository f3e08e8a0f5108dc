import test from "ava";
import type { RestClient } from "../../../testing/rest-client.ts";
import { ask, type Fields } from "../both-ways.ts";
import { idsOf, type Listed, walk } from "../lists.ts";
import { dataOf, iso, place, type Shop } from "../shop.ts";
import { themeOf } from "../theme.ts";

const day = 86_400_000;
const fromNow = (milliseconds: number) => new Date(Date.now() + milliseconds).toISOString();
const over = { starts_at: fromNow(-2 * day), ends_at: fromNow(-day) };

async function setUp(shop: Shop) {
  const [sara, omar, hana] = [await shop.newBuyer(), await shop.newBuyer(), await shop.newBuyer()];
  return { shop, admin: await shop.newAdmin(), sara, omar, hana };
}

/** Coupons, as members claim and see them. */
export const coupons = themeOf(setUp, ({ shop, admin, sara, omar, hana }) => {
  const on = `on ${shop.engine.name}`;
  const newCoupon = (fields: Fields = {}) =>
    shop.newCoupon({ discount_type: "percent", discount_value: "10", ...fields });
  const mine = async (client: RestClient, couponId: number, query = "") =>
    dataOf<{ coupon_id: number }[]>(await client.get(`/members/me/coupons?per_page=100${query}`)).filter(
      ({ coupon_id }) => coupon_id === couponId,
    );

  test(`claiming a coupon answers 201 and what the member has now ${on}`, async (t) => {
    const coupon_id = await newCoupon();
    const { status, body } = await ask(t, sara.client, "CouponService/ClaimCoupon", { coupon_id });
    t.is(status, 201);
    const { id, issued_at } = body.data ?? {};
    t.true(Number.isSafeInteger(id));
    t.regex(String(issued_at), iso);
    t.deepEqual(body, {
      success: true,
      message: "Coupon issued successfully",
      data: { id, coupon_id, status: "issued", issued_at },
    });
    t.like(await admin.get(`/coupons/${coupon_id}`), { body: { data: { remaining_quantity: 9 } } });
  });

  test(`who has a coupon already gets a 409, also when none is left ${on}`, async (t) => {
    const coupon_id = await newCoupon({ total_quantity: 1 });
    t.is((await sara.client.post(`/coupons/${coupon_id}`)).status, 201);
    const { status, body } = await ask(t, sara.client, "CouponService/ClaimCoupon", { coupon_id });
    t.deepEqual([status, body.code], [409, "COUPON_ALREADY_ISSUED"]);
    t.is((await mine(sara.client, coupon_id)).length, 1);
  });

  test(`a coupon of which none is left is sold out ${on}`, async (t) => {
    const coupon_id = await newCoupon({ total_quantity: 1 });
    t.is((await sara.client.post(`/coupons/${coupon_id}`)).status, 201);
    const { status, body } = await ask(t, omar.client, "CouponService/ClaimCoupon", { coupon_id });
    t.deepEqual([status, body.code], [400, "COUPON_SOLD_OUT"]);
    t.like((await admin.get(`/coupons/${coupon_id}`)).body.data, { status: "sold_out", remaining_quantity: 0 });
  });

  for (const [what, time] of [
    ["that has not begun", { starts_at: fromNow(day) }],
    ["that is over", over],
  ] as const) {
    test(`a coupon ${what} is not available ${on}`, async (t) => {
      const coupon_id = await newCoupon(time);
      const { status, body } = await ask(t, sara.client, "CouponService/ClaimCoupon", { coupon_id });
      t.deepEqual([status, body.code], [400, "COUPON_NOT_AVAILABLE"]);
      t.deepEqual(await mine(sara.client, coupon_id), []);
    });
  }

  test(`a coupon that is not there is a 404, to claim and to read ${on}`, async (t) => {
    for (const rpc of ["ClaimCoupon", "GetCoupon"]) {
      const { status, body } = await ask(t, sara.client, `CouponService/${rpc}`, { coupon_id: 999_999_999 });
      t.deepEqual([status, body.code, body.message], [404, "COUPON_NOT_FOUND", "Coupon not found"]);
    }
  });

  test(`of the last two coupons, three who come at once get two ${on}`, async (t) => {
    const coupon_id = await newCoupon({ total_quantity: 2 });
    const answers = await Promise.all(
      [sara, omar, hana, sara, omar, hana].map(({ client }) => client.post(`/coupons/${coupon_id}`)),
    );
    t.is(answers.filter(({ status }) => status === 201).length, 2);
    const owners = await Promise.all([sara, omar, hana].map(({ client }) => mine(client, coupon_id)));
    t.deepEqual(owners.map(({ length }) => length).sort(), [0, 1, 1]);
    t.like((await admin.get(`/admin-api/coupons/${coupon_id}`)).body.data, {
      issued_quantity: 2,
      remaining_quantity: 0,
    });
  });

  test(`a member may have as many as the coupon says, and no more, though they ask at once ${on}`, async (t) => {
    const coupon_id = await newCoupon({ per_user_limit: 3 });
    const answers = await Promise.all(Array.from({ length: 8 }, () => omar.client.post(`/coupons/${coupon_id}`)));
    t.deepEqual(
      answers.map(({ status }) => status).toSorted((a, b) => a - b),
      [201, 201, 201, 409, 409, 409, 409, 409],
    );
    t.is((await mine(omar.client, coupon_id)).length, 3);
  });

  test(`a coupon is read to the field ${on}`, async (t) => {
    const id = await newCoupon({
      name: "An eighth",
      discount_value: 12.5,
      currency: "KWD",
      min_order_amount: "5",
      max_discount: 1.5,
      per_user_limit: 2,
      starts_at: "2026-01-01T10:00:00+03:00",
      ends_at: "2099-12-31",
    });
    const vendor = await shop.newSeller(await shop.newVendor());
    for (const client of [sara.client, vendor, admin]) {
      const { status, body } = await ask(t, client, "CouponService/GetCoupon", { coupon_id: id });
      t.is(status, 200);
      t.deepEqual(body.data, {
        id,
        name: "An eighth",
        discount_type: "percent",
        discount_value: "12.5",
        currency: "KWD",
        min_order_amount: "5.000",
        max_discount: "1.500",
        total_quantity: 10,
        remaining_quantity: 10,
        per_user_limit: 2,
        status: "active",
        starts_at: "2026-01-01T07:00:00.000000Z",
        ends_at: "2099-12-31T23:59:59.999999Z",
      });
    }
  });

  test(`what a coupon is not told is null, and as the contract has it ${on}`, async (t) => {
    const coupon_id = await shop.newCoupon({ discount_type: "fixed", discount_value: 5 });
    const { body } = await ask(t, sara.client, "CouponService/GetCoupon", { coupon_id });
    t.like(body.data, {
      discount_type: "fixed",
      discount_value: "5.00",
      currency: "SAR",
      min_order_amount: null,
      max_discount: null,
      per_user_limit: 1,
      status: "active",
      ends_at: null,
    });
  });

  for (const [status, time] of [
    ["scheduled", { starts_at: fromNow(day) }],
    ["ended", over],
  ] as const) {
    test(`a coupon's status is ${status} by its time ${on}`, async (t) => {
      const coupon_id = await newCoupon(time);
      t.is((await ask(t, sara.client, "CouponService/GetCoupon", { coupon_id })).body.data?.status, status);
    });
  }

  test(`a member's coupons are listed to the field, the newest first, used or not ${on}`, async (t) => {
    const { client } = await shop.newBuyer();
    const plain = await shop.newClaimedCoupon(client, { discount_type: "fixed", discount_value: "2.00" });
    const used = await shop.newClaimedCoupon(client, {
      name: "Half",
      discount_type: "percent",
      discount_value: "50",
      min_order_amount: "1.00",
      max_discount: "100.00",
      ends_at: "2099-12-31",
    });
    const { order } = await place(client, [[await shop.newProduct(), 1]], used);
    const listed = await ask(t, client, "CouponService/ListMemberCoupons", { member_id: "me" });
    t.is(listed.status, 200);
    t.deepEqual(listed.body.meta, { current_page: 1, per_page: 20, total: 2, last_page: 1, next_cursor: null });
    const [first, second] = listed.body.data as unknown as Record<string, unknown>[];
    const { id, issued_at, used_at, ...others } = first ?? {};
    t.deepEqual(others, {
      coupon_id: used,
      name: "Half",
      discount_type: "percent",
      discount_value: "50",
      currency: "SAR",
      min_order_amount: "1.00",
      max_discount: "100.00",
      status: "used",
      order_id: order.id,
      ends_at: "2099-12-31T23:59:59.999999Z",
    });
    t.regex(`${issued_at} ${used_at}`, new RegExp(`${iso.source.slice(1, -1)} ${iso.source.slice(1, -1)}`));
    t.like(second, { coupon_id: plain, status: "issued", order_id: null, used_at: null, ends_at: null });
    t.true(Number(id) > Number(second?.id));
    t.deepEqual(Object.keys(second ?? {}), Object.keys(first ?? {}));

    for (const [status, coupon] of [
      ["issued", plain],
      ["used", used],
    ] as const) {
      const { body } = await ask(t, client, "CouponService/ListMemberCoupons", { member_id: "me", status });
      t.deepEqual(
        (body.data as unknown as { coupon_id: number }[]).map(({ coupon_id }) => coupon_id),
        [coupon],
      );
      t.is(body.meta?.total, 1);
    }
  });

  test(`a member's coupons are there by page and by cursor alike ${on}`, async (t) => {
    const { client, id } = await shop.newBuyer();
    const coupon = await newCoupon({ per_user_limit: 5 });
    const ids: number[] = [];
    for (let one = 1; one <= 5; one++) ids.unshift(dataOf<Listed>(await client.post(`/coupons/${coupon}`)).id);
    await walk(t, client, "/members/me/coupons?status=issued", ids);
    await walk(t, admin, `/members/${id}/coupons?status=issued`, ids);
  });

  test(`another member's coupons are not there for a user or a vendor, and open to an admin ${on}`, async (t) => {
    const coupon = await newCoupon();
    await sara.client.post(`/coupons/${coupon}`);
    const member_id = String(sara.id);
    const other = await ask(t, omar.client, "CouponService/ListMemberCoupons", { member_id });
    t.is(other.status, 404);
    const vendor = await shop.newSeller(await shop.newVendor());
    t.is((await vendor.get(`/members/${sara.id}/coupons`)).status, 403);
    for (const client of [admin, shop.admin, sara.client]) {
      t.true((await client.get(`/members/${sara.id}/coupons`)).status === 200);
    }
    t.deepEqual(
      idsOf(await admin.get(`/members/${sara.id}/coupons?per_page=100`)).slice(0, 1),
      idsOf(await sara.client.get("/members/me/coupons?per_page=100")).slice(0, 1),
    );
  });

  test(`only users claim coupons ${on}`, async (t) => {
    const coupon = await newCoupon();
    const vendor = await shop.newSeller(await shop.newVendor());
    for (const client of [admin, shop.admin, vendor]) {
      t.is((await client.post(`/coupons/${coupon}`)).status, 403);
    }
  });
});
