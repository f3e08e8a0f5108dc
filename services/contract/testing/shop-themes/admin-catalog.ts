import test from "ava";
import { ask } from "../both-ways.ts";
import { listAll, walk } from "../lists.ts";
import { dataOf, iso, pay, place, type Shop } from "../shop.ts";
import { themeOf } from "../theme.ts";

const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);

async function setUp(shop: Shop) {
  return { shop, admin: await shop.newAdmin(), vendorId: await shop.newVendor() };
}

/** Vendors, products, offers and stock, as the house sees to them. */
export const adminCatalog = themeOf(setUp, ({ shop, admin, vendorId }) => {
  const on = `on ${shop.engine.name}`;
  const askAdmin = (t: Parameters<typeof ask>[0], rpc: string, fields?: Parameters<typeof ask>[3]) =>
    ask(t, admin, `AdminCatalogService/${rpc}`, fields);

  test(`a vendor is added, read, renamed and listed ${on}`, async (t) => {
    const created = await askAdmin(t, "CreateVendor", { name: "Roses & Son" });
    t.is(created.status, 201);
    const vendor = created.body.data as Record<string, unknown>;
    const { id, created_at, updated_at } = vendor;
    t.true(Number.isSafeInteger(id));
    t.deepEqual(created.body, {
      success: true,
      message: "Created successfully",
      data: { id, name: "Roses & Son", created_at, updated_at },
    });
    t.regex(String(created_at), iso);
    t.is(updated_at, created_at);
    t.deepEqual((await askAdmin(t, "GetVendor", { vendor_id: id })).body.data, vendor);

    const renamed = await askAdmin(t, "UpdateVendor", { vendor_id: id, name: "Roses & Daughter" });
    t.is(renamed.status, 200);
    t.is(renamed.body.message, "Updated successfully");
    t.like(renamed.body.data, { id, name: "Roses & Daughter", created_at });
    t.true(String(renamed.body.data?.updated_at) > String(updated_at));
    const left = await askAdmin(t, "UpdateVendor", { vendor_id: id });
    t.deepEqual(left.body.data, renamed.body.data);

    const all = await listAll<{ id: number }>(admin, "/admin-api/vendors");
    t.deepEqual(
      all.filter((one) => one.id === id),
      [renamed.body.data] as unknown as { id: number }[],
    );
  });

  test(`vendors are listed, the newest first, a page at a time ${on}`, async (t) => {
    const { body } = await admin.get("/admin-api/vendors?per_page=1&page=2");
    t.like(body.meta, { current_page: 2, per_page: 1 });
    t.is(body.meta?.total, body.meta?.last_page);
    const ids = (await listAll<{ id: number }>(admin, "/admin-api/vendors")).map(({ id }) => id);
    t.deepEqual(
      ids,
      ids.toSorted((a, b) => b - a),
    );
  });

  for (const [rpc, field, code] of [
    ["GetVendor", "vendor_id", "VENDOR_NOT_FOUND"],
    ["UpdateVendor", "vendor_id", "VENDOR_NOT_FOUND"],
    ["GetAnyProduct", "product_id", "PRODUCT_NOT_FOUND"],
    ["UpdateProduct", "product_id", "PRODUCT_NOT_FOUND"],
    ["AdjustStock", "product_id", "PRODUCT_NOT_FOUND"],
    ["GetOffer", "offer_id", "OFFER_NOT_FOUND"],
    ["UpdateOffer", "offer_id", "OFFER_NOT_FOUND"],
  ] as const) {
    test(`${rpc} of what is not there is a 404 ${code} ${on}`, async (t) => {
      const { status, body } = await askAdmin(t, rpc, {
        [field]: 999_999_999,
        ...(rpc.startsWith("Update") && { name: "Nobody's" }),
        ...(rpc === "AdjustStock" && { delta: 1 }),
      });
      t.deepEqual({ status, code: body.code }, { status: 404, code });
    });
  }

  test(`a product is added with what is said of it ${on}`, async (t) => {
    const fields = { vendor_id: vendorId, name: "Ten lilies", price: 19.5, currency: "KWD", stock: 3, active: false };
    const { status, body } = await askAdmin(t, "CreateProduct", fields);
    t.is(status, 201);
    const { id, created_at, updated_at, ...others } = body.data ?? {};
    t.deepEqual(others, { ...fields, price: "19.500", held: 0, sold: 0, offers: [] });
    t.deepEqual(Object.keys(body.data ?? {}), [
      "id",
      "vendor_id",
      "name",
      "price",
      "currency",
      "active",
      "stock",
      "held",
      "sold",
      "offers",
      "created_at",
      "updated_at",
    ]);
    t.regex(String(created_at), iso);
    t.is(updated_at, created_at);
    t.is(body.message, "Created successfully");
    t.deepEqual((await askAdmin(t, "GetAnyProduct", { product_id: id })).body.data, body.data);
  });

  test(`a product is in the default currency, on sale and out of stock where nothing else is said ${on}`, async (t) => {
    const { body } = await askAdmin(t, "CreateProduct", { vendor_id: vendorId, name: "A lily", price: "1" });
    t.like(body.data, { price: "1.00", currency: "SAR", stock: 0, active: true });
  });

  const wrongProducts = [
    [{ vendor_id: 999_999_999 }, ["vendor_id"]],
    [{ price: "1.005" }, ["price"]],
    [{ price: "0" }, ["price"]],
    [{ price: -1 }, ["price"]],
    [{ price: "90071992547409.92" }, ["price"]],
    [{ price: "1.5", currency: "KRW" }, ["price"]],
    [{ currency: "XXX" }, ["currency"]],
    [{ stock: -1 }, ["stock"]],
    [{ stock: 1_000_000_001 }, ["stock"]],
    [{ vendor_id: 999_999_999, price: "nothing" }, ["vendor_id", "price"]],
  ] as const;
  for (const [wrong, fields] of wrongProducts) {
    test(`a product with ${JSON.stringify(wrong)} is a 422 on ${fields.join(" and ")} ${on}`, async (t) => {
      const answer = await askAdmin(t, "CreateProduct", { vendor_id: vendorId, name: "None", price: "1", ...wrong });
      t.is(answer.status, 422, answer.text);
      t.deepEqual(Object.keys(answer.body.errors ?? {}), fields);
    });
  }

  test(`changing a product leaves what is not named, and orders, as they are ${on}`, async (t) => {
    const buyer = (await shop.newBuyer("100.00")).client;
    const id = await shop.newProduct({ name: "Roses", price: "10.00" });
    const placed = await place(buyer, [[id, 2]]);
    const dearer = await askAdmin(t, "UpdateProduct", { product_id: id, price: "99.00" });
    t.is(dearer.body.message, "Updated successfully");
    t.like(dearer.body.data, { name: "Roses", price: "99.00", active: true, stock: 8, held: 2, sold: 0 });
    t.true(String(dearer.body.data?.updated_at) > String(dearer.body.data?.created_at));
    await askAdmin(t, "UpdateProduct", { product_id: id, name: "Red roses", active: false });
    const paid = await pay(buyer, placed.payment);
    t.is(paid.balance, "80.00");
    t.deepEqual(paid.order.items, placed.order.items);
  });

  test(`stock is added and taken away, but never more than is free ${on}`, async (t) => {
    const buyer = (await shop.newBuyer()).client;
    const id = await shop.newProduct({ stock: 5 });
    const added = await askAdmin(t, "AdjustStock", { product_id: id, delta: 3 });
    t.is(added.status, 200);
    t.like(added.body, { message: "Stock adjusted successfully", data: { id, stock: 8, held: 0, sold: 0 } });
    await place(buyer, [[id, 6]]);
    const tooMuch = await askAdmin(t, "AdjustStock", { product_id: id, delta: -3 });
    t.deepEqual([tooMuch.status, tooMuch.body.code], [400, "OUT_OF_STOCK"]);
    const all = await askAdmin(t, "AdjustStock", { product_id: id, delta: -2 });
    t.like(all.body.data, { stock: 0, held: 6, sold: 0 });
    t.is(all.body.data?.updated_at, all.body.data?.created_at);
  });

  for (const delta of [0, -1_000_000_001, 1_000_000_001, "1.5"]) {
    test(`a delta of ${delta} is a 422 ${on}`, async (t) => {
      const answer = await askAdmin(t, "AdjustStock", { product_id: await shop.newProduct(), delta });
      t.is(answer.status, 422, answer.text);
      t.deepEqual(Object.keys(answer.body.errors ?? {}), ["delta"]);
    });
  }

  test(`an offer is added, read, changed and listed ${on}`, async (t) => {
    const product_id = await shop.newProduct({ price: "10.00" });
    const fields = { product_id, name: "Today", price: "9.99", starts_at: "2026-01-01", ends_at: tomorrow };
    const created = await askAdmin(t, "CreateOffer", fields);
    t.is(created.status, 201);
    t.is(created.body.message, "Created successfully");
    const { id } = created.body.data as { id: number };
    t.deepEqual(created.body.data, {
      id,
      product_id,
      name: "Today",
      price: "9.99",
      starts_at: "2026-01-01T00:00:00.000000Z",
      ends_at: `${tomorrow}T23:59:59.999999Z`,
    });
    t.deepEqual((await askAdmin(t, "GetOffer", { offer_id: id })).body.data, created.body.data);
    const changed = await askAdmin(t, "UpdateOffer", { offer_id: id, price: 5 });
    t.is(changed.status, 200);
    t.deepEqual(changed.body.data, { ...created.body.data, price: "5.00" });
    const listed = await askAdmin(t, "ListOffers", { product_id });
    t.deepEqual(listed.body.data as unknown, [changed.body.data]);
    t.like(listed.body.meta, { total: 1, last_page: 1 });
    const product = await askAdmin(t, "GetAnyProduct", { product_id });
    t.deepEqual(product.body.data?.offers, [changed.body.data]);
  });

  const wrongOffers = [
    [{ product_id: 999_999_999 }, "product_id"],
    [{ price: "10.00" }, "price"],
    [{ price: "10.01" }, "price"],
    [{ price: "1.005" }, "price"],
    [{ price: "0" }, "price"],
    [{ starts_at: "2026-02-02", ends_at: "2026-02-01" }, "ends_at"],
  ] as const;
  for (const [wrong, field] of wrongOffers) {
    test(`an offer with ${JSON.stringify(wrong)} for a product of 10.00 is a 422 on ${field} ${on}`, async (t) => {
      const product_id = await shop.newProduct({ price: "10.00" });
      const answer = await askAdmin(t, "CreateOffer", { product_id, name: "None", price: "9.00", ...wrong });
      t.is(answer.status, 422, answer.text);
      t.deepEqual(Object.keys(answer.body.errors ?? {}), [field]);
    });
  }

  test(`products and offers are listed, the newest first, by page and by cursor alike ${on}`, async (t) => {
    const vendor_id = await shop.newVendor();
    const products = [];
    for (const active of [true, false, true]) products.unshift(await shop.newProduct({ vendor_id, active }));
    await walk(t, admin, `/admin-api/products?vendor_id=${vendor_id}`, products);
    const offers = [];
    for (const price of ["3.00", "1.00", "2.00"]) offers.unshift(await shop.newOffer(products[0] ?? 0, price));
    await walk(t, admin, `/admin-api/offers?product_id=${products[0]}`, offers);
    const { body } = await askAdmin(t, "ListAllProducts", { vendor_id });
    const [first] = body.data as unknown as { offers: { id: number }[] }[];
    t.deepEqual(
      first?.offers.map(({ id }) => id),
      offers,
    );
    t.is(dataOf<unknown[]>(await admin.get(`/products?vendor_id=${vendor_id}`)).length, 2);
  });
});
