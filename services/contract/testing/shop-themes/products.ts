import test from "ava";
import { ask } from "../both-ways.ts";
import { idsOf, type Listed, walk } from "../lists.ts";
import { dataOf, iso, pay, place, type Shop } from "../shop.ts";
import { themeOf } from "../theme.ts";

const hour = 3_600_000;
const fromNow = (milliseconds: number) => new Date(Date.now() + milliseconds).toISOString();

async function setUp(shop: Shop) {
  return { shop, reader: (await shop.newBuyer("1000.00")).client };
}

/** Products, as those see them who buy. */
export const products = themeOf(setUp, ({ shop, reader }) => {
  const on = `on ${shop.engine.name}`;

  test(`a product is read to the field, by GET and by POST ${on}`, async (t) => {
    const vendorId = await shop.newVendor();
    const id = await shop.newProduct({ vendor_id: vendorId, name: "Tulips — ورد", price: "12.50", stock: 7 });
    const { status, body } = await ask(t, reader, "ProductService/GetProduct", { product_id: id });
    t.is(status, 200);
    t.deepEqual(body, {
      success: true,
      message: "Success",
      data: { id, vendor_id: vendorId, name: "Tulips — ورد", price: "12.50", currency: "SAR", stock: 7, offers: [] },
    });
  });

  test(`whoever is signed in may look, be it as user, vendor or admin ${on}`, async (t) => {
    const id = await shop.newProduct();
    const vendor = await shop.newSeller(await shop.newVendor());
    for (const client of [reader, vendor, await shop.newAdmin(), shop.admin]) {
      t.is((await client.get(`/products/${id}`)).status, 200);
      t.is((await client.get("/products")).status, 200);
    }
    t.is((await shop.anonymous.get("/products")).status, 401);
    t.is((await shop.anonymous.get(`/products/${id}`)).status, 401);
  });

  test(`a product shows the offers that run at this instant, the lowest first, and no others ${on}`, async (t) => {
    const id = await shop.newProduct({ price: "10.00" });
    const dear = await shop.newOffer(id, "9.50", { name: "A little less" });
    const cheap = await shop.newOffer(id, "7.25", { name: "Much less", ends_at: fromNow(hour) });
    await shop.newOffer(id, "1.00", { starts_at: fromNow(hour) });
    await shop.newOffer(id, "2.00", { starts_at: fromNow(-2 * hour), ends_at: fromNow(-hour) });
    const { body } = await ask(t, reader, "ProductService/GetProduct", { product_id: id });
    const offers = body.data?.offers as Record<string, unknown>[];
    t.deepEqual(
      offers.map(({ starts_at: _, ends_at: __, ...offer }) => offer),
      [
        { id: cheap, product_id: id, name: "Much less", price: "7.25" },
        { id: dear, product_id: id, name: "A little less", price: "9.50" },
      ],
    );
    t.deepEqual(Object.keys(offers[0] ?? {}), ["id", "product_id", "name", "price", "starts_at", "ends_at"]);
    for (const { starts_at } of offers) t.regex(String(starts_at), iso);
    t.regex(String(offers[0]?.ends_at), iso);
    t.is(offers[1]?.ends_at, null);
    t.is(body.data?.price, "10.00");
  });

  test(`an offer is charged while it runs, and not before or after ${on}`, async (t) => {
    const id = await shop.newProduct({ price: "10.00" });
    const charged = async () => (await place(reader, [[id, 1]])).order.items[0]?.unit_price;
    t.is(await charged(), "10.00");
    const offer = await shop.newOffer(id, "4.00");
    t.is(await charged(), "4.00");
    await shop.change("offers", offer, { starts_at: fromNow(hour) });
    t.is(await charged(), "10.00");
    await shop.change("offers", offer, { starts_at: fromNow(-2 * hour), ends_at: fromNow(-hour) });
    t.is(await charged(), "10.00");
  });

  for (const [currency, price] of [
    ["SAR", "12.50"],
    ["KRW", "1250"],
    ["KWD", "1.250"],
  ] as const) {
    test(`prices have the digits of ${currency}: ${price} ${on}`, async (t) => {
      const id = await shop.newProduct({ currency, price: String(Number(price)) });
      t.like((await ask(t, reader, "ProductService/GetProduct", { product_id: id })).body.data, { price, currency });
    });
  }

  test(`stock is exact at every instant: held, given back and sold units are not there ${on}`, async (t) => {
    const id = await shop.newProduct({ stock: 5 });
    const stock = async () => dataOf<{ stock: number }>(await reader.get(`/products/${id}`)).stock;
    const { order } = await place(reader, [[id, 3]]);
    t.is(await stock(), 2);
    const { payment } = await place(reader, [[id, 2]]);
    t.is(await stock(), 0);
    await reader.post(`/orders/${order.id}/cancel`);
    t.is(await stock(), 3);
    await pay(reader, payment);
    t.is(await stock(), 3);
    t.deepEqual(await shop.stockOf(id), { stock: 3, held: 0, sold: 2 });
  });

  test(`what is not on sale, or is not there, is a 404 ${on}`, async (t) => {
    const id = await shop.newProduct({ active: false });
    for (const product_id of [id, 999_999_999]) {
      const { status, body } = await ask(t, reader, "ProductService/GetProduct", { product_id });
      t.is(status, 404);
      t.deepEqual(
        { success: body.success, message: body.message, code: body.code },
        { success: false, message: "Product not found", code: "PRODUCT_NOT_FOUND" },
      );
      t.deepEqual(Object.keys(body), ["success", "message", "code", "request_id"]);
    }
  });

  test(`a product comes and goes with being on sale ${on}`, async (t) => {
    const vendorId = await shop.newVendor();
    const id = await shop.newProduct({ vendor_id: vendorId });
    const listed = async () => idsOf(await ask(t, reader, "ProductService/ListProducts", { vendor_id: vendorId }));
    const setActive = (active: boolean) => shop.change("products", id, { active });
    t.deepEqual(await listed(), [id]);
    await setActive(false);
    t.deepEqual(await listed(), []);
    t.is((await reader.get(`/products/${id}`)).status, 404);
    await setActive(true);
    t.deepEqual(await listed(), [id]);
  });

  test(`products are listed, the newest first, by page and by cursor alike ${on}`, async (t) => {
    const vendorId = await shop.newVendor();
    const ids: number[] = [];
    for (let one = 1; one <= 5; one++) ids.unshift(await shop.newProduct({ vendor_id: vendorId, name: `No. ${one}` }));
    await walk(t, reader, `/products?vendor_id=${vendorId}`, ids);
    const first = await ask(t, reader, "ProductService/ListProducts", { vendor_id: vendorId, per_page: 2 });
    t.like(first.body.meta, { current_page: 1, per_page: 2, total: 5, last_page: 3 });
    const [product] = first.body.data as unknown as object[];
    t.deepEqual(Object.keys(product ?? {}), ["id", "vendor_id", "name", "price", "currency", "stock", "offers"]);
    const second = await ask(t, reader, "ProductService/ListProducts", {
      vendor_id: vendorId,
      per_page: 2,
      cursor: first.body.meta?.next_cursor,
    });
    t.deepEqual(idsOf(second), ids.slice(2, 4));
  });

  test(`a page shows what runs and is there for each of its products ${on}`, async (t) => {
    const vendorId = await shop.newVendor();
    const plain = await shop.newProduct({ vendor_id: vendorId, stock: 3 });
    const offered = await shop.newProduct({ vendor_id: vendorId, stock: 0 });
    const offer = await shop.newOffer(offered, "5.00");
    const { body } = await ask(t, reader, "ProductService/ListProducts", { vendor_id: vendorId });
    const [first, second] = body.data as unknown as { id: number; stock: number; offers: Listed[] }[];
    t.like(first, { id: offered, stock: 0 });
    t.deepEqual(
      first?.offers.map(({ id }) => id),
      [offer],
    );
    t.like(second, { id: plain, stock: 3, offers: [] });
  });

  test(`a vendor that nobody is has an empty list of one page ${on}`, async (t) => {
    const { status, body } = await ask(t, reader, "ProductService/ListProducts", { vendor_id: 999_999_999 });
    t.is(status, 200);
    t.deepEqual(body, {
      success: true,
      message: "Success",
      data: [],
      meta: { current_page: 1, per_page: 20, total: 0, last_page: 1, next_cursor: null },
    } as unknown as typeof body);
  });

  const wrongQueries = [
    ["/products", "page=101&per_page=100", "page"],
    ["/products", "page=10001&per_page=1", "page"],
    ["/products", "cursor=nonsense", "cursor"],
    ["/products", "cursor=MQ&page=1", "cursor"],
    ["/products/top", "days=31", "days"],
    ["/products/top", "limit=101", "limit"],
  ] as const;
  for (const [path, query, field] of wrongQueries) {
    test(`${path}?${query} is a 422 on ${field} ${on}`, async (t) => {
      const { status, body, text } = await reader.get(`${path}?${query}`);
      t.is(status, 422, text);
      t.deepEqual(Object.keys(body.errors ?? {}), [field]);
    });
  }
});
