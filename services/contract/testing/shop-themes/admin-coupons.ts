import test, { type ExecutionContext } from "ava";
import { ask, type Fields } from "../both-ways.ts";
import { listAll } from "../lists.ts";
import { iso, place, type Shop } from "../shop.ts";
import { themeOf } from "../theme.ts";

const day = 86_400_000;
const fromNow = (milliseconds: number) => new Date(Date.now() + milliseconds).toISOString();

async function setUp(shop: Shop) {
  return { shop, admin: await shop.newAdmin(), buyer: (await shop.newBuyer()).client };
}

/** Coupons, as the house sees to them. */
export const adminCoupons = themeOf(setUp, ({ shop, admin, buyer }) => {
  const on = `on ${shop.engine.name}`;
  const askAdmin = (t: ExecutionContext, rpc: string, fields?: Fields) =>
    ask(t, admin, `AdminCouponService/${rpc}`, fields);
  const newCoupon = (fields: Fields = {}) => shop.newCoupon({ discount_type: "fixed", discount_value: 5, ...fields });

  test(`a coupon is added with what is said of it, and read to the field ${on}`, async (t) => {
    const { status, body } = await askAdmin(t, "CreateCoupon", {
      name: "A third",
      discount_type: "percent",
      discount_value: "33.30",
      currency: "KRW",
      min_order_amount: 5_000,
      max_discount: "10000",
      total_quantity: 1_000_000_000,
      per_user_limit: 100,
      starts_at: "2026-01-01",
      ends_at: "2099-01-01",
    });
    t.is(status, 201, JSON.stringify(body));
    t.is(body.message, "Created successfully");
    const { id, created_at, updated_at } = body.data ?? {};
    t.deepEqual(Object.entries(body.data ?? {}), [
      ["id", id],
      ["name", "A third"],
      ["discount_type", "percent"],
      ["discount_value", "33.3"],
      ["currency", "KRW"],
      ["min_order_amount", "5000"],
      ["max_discount", "10000"],
      ["total_quantity", 1_000_000_000],
      ["remaining_quantity", 1_000_000_000],
      ["issued_quantity", 0],
      ["used_quantity", 0],
      ["per_user_limit", 100],
      ["status", "active"],
      ["starts_at", "2026-01-01T00:00:00.000000Z"],
      ["ends_at", "2099-01-01T23:59:59.999999Z"],
      ["created_at", created_at],
      ["updated_at", updated_at],
    ]);
    t.regex(String(created_at), iso);
    t.deepEqual((await askAdmin(t, "GetAdminCoupon", { coupon_id: id })).body.data, body.data);
  });

  test(`a coupon starts at once, lasts, and is one for each where nothing else is said ${on}`, async (t) => {
    const { body } = await askAdmin(t, "CreateCoupon", {
      name: "Five",
      discount_type: "fixed",
      discount_value: 5,
      total_quantity: 1,
    });
    const unset = { min_order_amount: null, max_discount: null, ends_at: null };
    t.like(body.data, { discount_value: "5.00", currency: "SAR", per_user_limit: 1, status: "active", ...unset });
    t.is(body.data?.starts_at, body.data?.created_at);
  });

  const wrongCoupons = [
    [{ discount_value: "0" }, "discount_value"],
    [{ discount_value: "-1" }, "discount_value"],
    [{ discount_value: "5.001" }, "discount_value"],
    [{ discount_value: "much" }, "discount_value"],
    [{ max_discount: "5" }, "max_discount"],
    [{ discount_type: "percent", discount_value: "100.01" }, "discount_value"],
    [{ discount_type: "percent", discount_value: "12.345" }, "discount_value"],
    [{ discount_type: "percent", discount_value: "0" }, "discount_value"],
    [{ discount_type: "percent", max_discount: "0" }, "max_discount"],
    [{ min_order_amount: "0.00" }, "min_order_amount"],
    [{ min_order_amount: "1.001" }, "min_order_amount"],
    [{ currency: "XXX" }, "currency"],
    [{ total_quantity: 0 }, "total_quantity"],
    [{ total_quantity: 1_000_000_001 }, "total_quantity"],
    [{ per_user_limit: 101 }, "per_user_limit"],
    [{ starts_at: "2026-02-02", ends_at: "2026-02-01" }, "ends_at"],
  ] as const;
  for (const [wrong, field] of wrongCoupons) {
    test(`a coupon with ${JSON.stringify(wrong)} is a 422 on ${field} ${on}`, async (t) => {
      const usual = { name: "None", discount_type: "fixed", discount_value: "5", total_quantity: 1 };
      const answer = await askAdmin(t, "CreateCoupon", { ...usual, ...wrong });
      t.is(answer.status, 422, answer.text);
      t.deepEqual(Object.keys(answer.body.errors ?? {}), [field]);
    });
  }

  test(`what a coupon takes off is fixed; the rest can be changed, and what is not named stays ${on}`, async (t) => {
    const coupon_id = await newCoupon();
    const { body: before } = await askAdmin(t, "GetAdminCoupon", { coupon_id });
    const fixed = { discount_type: "percent", discount_value: "100", currency: "KRW", min_order_amount: "1" };
    const { status, body } = await askAdmin(t, "UpdateCoupon", { coupon_id, name: "Another name", ...fixed });
    t.is(status, 200);
    t.is(body.message, "Updated successfully");
    const { updated_at } = body.data ?? {};
    t.deepEqual(body.data, { ...before.data, name: "Another name", updated_at });
    t.true(String(updated_at) > String(before.data?.updated_at));
    const changes = {
      total_quantity: 20,
      per_user_limit: 2,
      starts_at: "2026-02-02T00:00:00.000000Z",
      ends_at: "2099-02-02T00:00:00.000000Z",
    };
    const after = (await askAdmin(t, "UpdateCoupon", { coupon_id, ...changes })).body.data;
    t.like(after, { name: "Another name", remaining_quantity: 20, ...changes });
  });

  test(`there are never fewer coupons than have been issued ${on}`, async (t) => {
    const coupon_id = await newCoupon({ per_user_limit: 3 });
    for (let one = 1; one <= 2; one++) t.is((await buyer.post(`/coupons/${coupon_id}`)).status, 201);
    const tooFew = await askAdmin(t, "UpdateCoupon", { coupon_id, total_quantity: 1 });
    t.deepEqual([tooFew.status, tooFew.body.code], [400, "COUPON_QUANTITY_TOO_LOW"]);
    const { body } = await askAdmin(t, "UpdateCoupon", { coupon_id, total_quantity: 2 });
    t.like(body.data, { total_quantity: 2, remaining_quantity: 0, issued_quantity: 2, status: "sold_out" });
    t.is((await buyer.post(`/coupons/${coupon_id}`)).body.code, "COUPON_SOLD_OUT");
    await askAdmin(t, "UpdateCoupon", { coupon_id, total_quantity: 3 });
    t.is((await buyer.post(`/coupons/${coupon_id}`)).status, 201);
  });

  test(`an admin sees how many orders have a coupon, and how many give it back ${on}`, async (t) => {
    const coupon_id = await newCoupon();
    await buyer.post(`/coupons/${coupon_id}`);
    const used = async () => (await askAdmin(t, "GetAdminCoupon", { coupon_id })).body.data?.used_quantity;
    t.is(await used(), 0);
    const { order } = await place(buyer, [[await shop.newProduct(), 1]], coupon_id);
    t.is(await used(), 1);
    await buyer.post(`/orders/${order.id}/cancel`);
    t.is(await used(), 0);
  });

  test(`a coupon's time can be moved, and ends what can be claimed at once ${on}`, async (t) => {
    const coupon_id = await newCoupon();
    const wrong = await askAdmin(t, "UpdateCoupon", { coupon_id, ends_at: "2020-01-01" });
    t.is(wrong.status, 422, wrong.text);
    t.deepEqual(Object.keys(wrong.body.errors ?? {}), ["ends_at"]);
    const over = { starts_at: fromNow(-2 * day), ends_at: fromNow(-day) };
    t.is((await askAdmin(t, "UpdateCoupon", { coupon_id, ...over })).body.data?.status, "ended");
    t.is((await buyer.post(`/coupons/${coupon_id}`)).body.code, "COUPON_NOT_AVAILABLE");
  });

  test(`a coupon that is not there is a 404 for an admin ${on}`, async (t) => {
    for (const [rpc, fields] of [
      ["GetAdminCoupon", {}],
      ["UpdateCoupon", { name: "Nobody's" }],
    ] as const) {
      const { status, body } = await askAdmin(t, rpc, { coupon_id: 999_999_999, ...fields });
      t.deepEqual([status, body.code], [404, "COUPON_NOT_FOUND"]);
    }
  });

  test(`coupons are listed, the newest first ${on}`, async (t) => {
    const older = await newCoupon();
    const newer = await newCoupon();
    const ids = (await listAll<{ id: number }>(admin, "/admin-api/coupons")).map(({ id }) => id);
    t.true(ids.indexOf(newer) < ids.indexOf(older) && ids.includes(newer));
    const first = await admin.get("/admin-api/coupons?per_page=1");
    t.like(first.body.meta, { current_page: 1, per_page: 1 });
    const next = await admin.get(`/admin-api/coupons?per_page=1&cursor=${first.body.meta?.next_cursor}`);
    t.deepEqual([next.status, next.body.meta?.current_page], [200, null]);
  });
});
