import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import test from "ava";
import type { AdminCatalogService } from "../../gen/giftmesh/catalog/v1/admin_catalog_service_pb.ts";
import { InvalidFields } from "../platform/refusal.ts";
import { type Engine, engines } from "../platform/testing/engines.ts";
import { now, toTimestamp } from "../platform/time.ts";
import { OfferNotFound, OutOfStock, ProductNotFound, StockLimitExceeded, VendorNotFound } from "./domain/errors.ts";
import { mostFree } from "./domain/stock.ts";
import { adminCall, callOf, inSeconds, newHoldId, startReplicas, times } from "./testing/running-catalog.ts";

const nobodys = 9_999_999n;
const setUp = async (engine: Engine) => ({ engine, replicas: await startReplicas(engine) });

for (const { engine, replicas } of await Promise.all(engines().map(setUp))) {
  const [catalog] = replicas;
  const { admin } = catalog;
  const wrongFields = async (promise: Promise<unknown>): Promise<string[]> => {
    const error = await promise.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    return error instanceof InvalidFields ? error.fields.map(({ field }) => field) : [String(error)];
  };

  test.after.always(async () => {
    for (const replica of replicas) await replica.stop();
    await engine.remove();
  });

  test(`a vendor is added, read, and renamed on ${engine.name}`, async (t) => {
    const { vendor } = await admin.createVendor({ name: "Flowers & Co" }, adminCall());
    const vendorId = vendor?.id ?? 0n;
    t.like((await admin.getVendor({ vendorId }, adminCall())).vendor, { id: vendorId, name: "Flowers & Co" });
    await catalog.change("UPDATE vendors SET updated_at = 0 WHERE id = ?", vendorId);
    const renamed = (await admin.updateVendor({ vendorId, name: "فلورا" }, adminCall())).vendor;
    t.is(renamed?.name, "فلورا");
    t.true((renamed?.updatedAt?.seconds ?? 0n) > 0n);
    t.deepEqual((await admin.updateVendor({ vendorId }, adminCall())).vendor, renamed);
    t.deepEqual((await admin.getVendor({ vendorId }, adminCall())).vendor, renamed);
  });

  test(`a vendor, product or offer that is not there is not found on ${engine.name}`, async (t) => {
    const of = { vendorId: nobodys, productId: nobodys, offerId: nobodys };
    await t.throwsAsync(admin.getVendor(of, adminCall()), { instanceOf: VendorNotFound });
    await t.throwsAsync(admin.updateVendor({ ...of, name: "x" }, adminCall()), { instanceOf: VendorNotFound });
    await t.throwsAsync(admin.getAnyProduct(of, adminCall()), { instanceOf: ProductNotFound });
    await t.throwsAsync(admin.updateProduct({ ...of, name: "x" }, adminCall()), { instanceOf: ProductNotFound });
    await t.throwsAsync(admin.adjustStock({ ...of, delta: 1n }, adminCall()), { instanceOf: ProductNotFound });
    await t.throwsAsync(admin.getOffer(of, adminCall()), { instanceOf: OfferNotFound });
    await t.throwsAsync(admin.updateOffer({ ...of, name: "x" }, adminCall()), { instanceOf: OfferNotFound });
  });

  test(`a product is added with its stock, in the default currency and on sale, unless said otherwise on ${engine.name}`, async (t) => {
    const vendorId = await catalog.newVendor();
    const plain = await admin.createProduct({ vendorId, name: "Roses", price: "25" }, adminCall());
    t.like(plain.product, { price: "25.00", currency: "SAR", stock: 0n, held: 0n, sold: 0n, active: true, offers: [] });
    const other = { vendorId, name: "Roses", price: "1.250", currency: "KWD", stock: 7n, active: false };
    const { product } = await admin.createProduct(other, adminCall());
    t.like(product, { ...other, held: 0n, sold: 0n });
    t.deepEqual((await admin.getAnyProduct({ productId: product?.id ?? 0n }, adminCall())).product, product);
  });

  type NewProduct = MessageInitShape<typeof AdminCatalogService.method.createProduct.input>;
  for (const [what, fields, wrong] of [
    ["no such vendor", { vendorId: nobodys }, ["vendor_id"]],
    ["a price of 0", { price: "0" }, ["price"]],
    ["a price below zero", { price: "-1" }, ["price"]],
    ["a price that is no number", { price: "cheap" }, ["price"]],
    ["a price with too many digits for its currency", { price: "1.001" }, ["price"]],
    ["a price above what can be counted", { price: "90071992547409.92" }, ["price"]],
    ["a currency that is none", { currency: "ZZZ" }, ["currency"]],
    ["several wrong fields", { vendorId: nobodys, price: "1.5", currency: "KRW" }, ["vendor_id", "price"]],
    ["too long a name", { name: "x".repeat(201) }, ["name"]],
    ["too many units", { stock: 1_000_000_001n }, ["stock"]],
  ] as readonly [string, Partial<NewProduct>, string[]][]) {
    test(`a product with ${what} is not added on ${engine.name}`, async (t) => {
      const good = { vendorId: await catalog.newVendor(), name: "Roses", price: "25.00" };
      t.deepEqual(await wrongFields(admin.createProduct({ ...good, ...fields }, adminCall())), wrong);
    });
  }

  test(`a change of a product keeps what it does not name, its stock and its offers on ${engine.name}`, async (t) => {
    const productId = await catalog.newProduct({ stock: 3n });
    const offer = await catalog.newOffer({ productId });
    await catalog.stock.holdStock(
      { id: newHoldId(), lines: [{ productId, quantity: 1n }], expiresAt: inSeconds(60) },
      callOf(),
    );
    await catalog.change("UPDATE products SET updated_at = 0 WHERE id = ?", productId);
    const { product } = await admin.updateProduct({ productId, price: "30" }, adminCall());
    t.like(product, { name: "Roses", price: "30.00", active: true, stock: 2n, held: 1n, sold: 0n });
    t.deepEqual(
      product?.offers.map(({ id }) => id),
      [offer],
    );
    t.true((product?.updatedAt?.seconds ?? 0n) > 0n);
    t.like((await admin.updateProduct({ productId, active: false }, adminCall())).product, {
      price: "30.00",
      active: false,
    });
    t.like((await admin.updateProduct({ productId, name: "Tulips" }, adminCall())).product, {
      name: "Tulips",
      active: false,
    });
    t.deepEqual(await wrongFields(admin.updateProduct({ productId, price: "1.234" }, adminCall())), ["price"]);
  });

  test(`of changes of different fields at once, each is kept on ${engine.name}`, async (t) => {
    const productId = await catalog.newProduct();
    const offerId = await catalog.newOffer({ productId });
    for (let round = 1; round <= 20; round++) {
      const [name, price, lower] = [`Roses ${round}`, `${30 + round}.00`, `${round}.00`];
      await Promise.all([
        admin.updateProduct({ productId, name }, adminCall()),
        admin.updateProduct({ productId, price }, adminCall()),
        admin.updateOffer({ offerId, name }, adminCall()),
        admin.updateOffer({ offerId, price: lower }, adminCall()),
      ]);
      t.like((await admin.getAnyProduct({ productId }, adminCall())).product, { name, price });
      t.like((await admin.getOffer({ offerId }, adminCall())).offer, { name, price: lower });
    }
  });

  test(`stock is adjusted both ways, never below zero nor beyond its limit on ${engine.name}`, async (t) => {
    const productId = await catalog.newProduct({ stock: 3n });
    t.like((await admin.adjustStock({ productId, delta: 4n }, adminCall())).product, { stock: 7n, held: 0n });
    t.like((await admin.adjustStock({ productId, delta: -7n }, adminCall())).product, { stock: 0n });
    await t.throwsAsync(admin.adjustStock({ productId, delta: -1n }, adminCall()), { instanceOf: OutOfStock });
    t.deepEqual(await wrongFields(admin.adjustStock({ productId, delta: 0n }, adminCall())), ["delta"]);
    await catalog.change("UPDATE stock SET free = ? WHERE product_id = ?", mostFree, productId);
    await t.throwsAsync(admin.adjustStock({ productId, delta: 1n }, adminCall()), { instanceOf: StockLimitExceeded });
    // What is given back may bring it beyond: it can be taken away.
    await catalog.change("UPDATE stock SET free = ? WHERE product_id = ?", mostFree + 5n, productId);
    t.like((await admin.adjustStock({ productId, delta: -1n }, adminCall())).product, { stock: mostFree + 4n });
  });

  test(`an adjustment under one idempotency key is made once, and answered as at first, by any replica on ${engine.name}`, async (t) => {
    const productId = await catalog.newProduct({ stock: 1n });
    const idempotencyKey = randomUUID();
    const answers = await Promise.all(
      times(32, (index) =>
        (replicas[index % replicas.length] ?? catalog).admin.adjustStock(
          { productId, delta: 5n },
          adminCall({ idempotencyKey }),
        ),
      ),
    );
    for (const answer of answers) t.deepEqual(answer, answers[0]);
    t.deepEqual(await catalog.levelOf(productId), [6n, 0n, 0n]);
    await admin.adjustStock({ productId, delta: -6n }, adminCall());
    t.deepEqual(await admin.adjustStock({ productId, delta: 5n }, adminCall({ idempotencyKey })), answers[0]);
  });

  test(`what is added or changed under one idempotency key is so once on ${engine.name}`, async (t) => {
    const vendorId = await catalog.newVendor();
    const productId = await catalog.newProduct({ vendorId });
    const offerId = await catalog.newOffer({ productId });
    const calls: Record<string, (call: ReturnType<typeof adminCall>) => Promise<unknown>> = {
      createVendor: (call) => admin.createVendor({ name: "Once" }, call),
      updateVendor: (call) => admin.updateVendor({ vendorId, name: "Once" }, call),
      createProduct: (call) => admin.createProduct({ vendorId, name: "Once", price: "1" }, call),
      updateProduct: (call) => admin.updateProduct({ productId, name: "Once" }, call),
      createOffer: (call) => admin.createOffer({ productId, name: "Once", price: "1" }, call),
      updateOffer: (call) => admin.updateOffer({ offerId, name: "Once" }, call),
    };
    for (const [name, run] of Object.entries(calls)) {
      const idempotencyKey = randomUUID();
      const first = await run(adminCall({ idempotencyKey }));
      t.deepEqual(await run(adminCall({ idempotencyKey })), first, name);
    }
  });

  test(`an offer is added, from now on and for good unless said otherwise, and changed on ${engine.name}`, async (t) => {
    const productId = await catalog.newProduct();
    const before = now() / 1_000_000n;
    const { offer } = await admin.createOffer({ productId, name: "Spring", price: "24.99" }, adminCall());
    t.like(offer, { productId, name: "Spring", price: "24.99", endsAt: undefined });
    t.true((offer?.startsAt?.seconds ?? 0n) >= before);
    const offerId = offer?.id ?? 0n;
    const endsAt = inSeconds(60);
    const { offer: changed } = await admin.updateOffer({ offerId, price: "10", endsAt }, adminCall());
    t.like(changed, { name: "Spring", price: "10.00", startsAt: offer?.startsAt });
    t.is(changed?.endsAt?.seconds, endsAt.seconds);
    t.deepEqual((await admin.getOffer({ offerId }, adminCall())).offer, changed);
    t.like((await admin.updateOffer({ offerId, name: "Summer" }, adminCall())).offer, {
      name: "Summer",
      price: "10.00",
    });
  });

  const at = (seconds: number) => toTimestamp(1_800_000_000_000_000n + BigInt(seconds) * 1_000_000n);
  type NewOffer = MessageInitShape<typeof AdminCatalogService.method.createOffer.input>;
  for (const [what, fields, wrong] of [
    ["of no product", { productId: nobodys }, ["product_id"]],
    ["at the product's own price", { price: "25.00" }, ["price"]],
    ["above the product's price", { price: "25.01" }, ["price"]],
    ["at a price of 0", { price: "0" }, ["price"]],
    ["at a price with too many digits", { price: "1.234" }, ["price"]],
    ["that ends before it starts", { startsAt: at(1), endsAt: at(0) }, ["ends_at"]],
    ["that has ended already", { endsAt: inSeconds(-60) }, ["ends_at"]],
    ["from before there were years", { startsAt: { seconds: -(2n ** 62n) } }, ["starts_at"]],
  ] as readonly [string, Partial<NewOffer>, string[]][]) {
    test(`an offer ${what} is not added on ${engine.name}`, async (t) => {
      const good = { productId: await catalog.newProduct(), name: "Spring", price: "20.00" };
      t.deepEqual(await wrongFields(admin.createOffer({ ...good, ...fields }, adminCall())), wrong);
    });
  }

  test(`an offer is not changed to what could not be added on ${engine.name}`, async (t) => {
    const productId = await catalog.newProduct();
    const offerId = await catalog.newOffer({ productId, startsAt: at(10), endsAt: at(10) });
    const change = (fields: object) => wrongFields(admin.updateOffer({ offerId, ...fields }, adminCall()));
    t.deepEqual(await change({ price: "25" }), ["price"]);
    t.deepEqual(await change({ endsAt: at(9) }), ["ends_at"]);
    t.deepEqual(await change({ startsAt: at(11) }), ["starts_at"]);
    t.deepEqual(await change({ startsAt: at(12), endsAt: at(11) }), ["ends_at"]);
  });

  test(`an offer that a product's new price has overtaken can still be renamed on ${engine.name}`, async (t) => {
    const productId = await catalog.newProduct();
    const offerId = await catalog.newOffer({ productId, price: "20" });
    await admin.updateProduct({ productId, price: "15" }, adminCall());
    t.like((await admin.updateOffer({ offerId, name: "Old" }, adminCall())).offer, { name: "Old", price: "20.00" });
  });

  test(`a product shows its 100 newest offers, past and coming ones too on ${engine.name}`, async (t) => {
    const [productId, other] = [await catalog.newProduct(), await catalog.newProduct()];
    const ids: bigint[] = [];
    for (const index of times(101, Number)) {
      ids.push(await catalog.newOffer({ productId, startsAt: at(index), endsAt: at(index) }));
    }
    const past = await catalog.newOffer({ productId: other, startsAt: inSeconds(-9), endsAt: inSeconds(-3) });
    const { product } = await admin.getAnyProduct({ productId }, adminCall());
    t.deepEqual(
      product?.offers.map(({ id }) => id),
      ids.toReversed().slice(0, 100),
    );
    const { products } = await admin.listAllProducts({ perPage: 100 }, adminCall());
    const offersOf = (id: bigint) => products.find((one) => one.id === id)?.offers.map((offer) => offer.id);
    t.deepEqual(offersOf(other), [past]);
    t.is(offersOf(productId)?.length, 100);
  });

  test(`lists are newest first, by page and by cursor, and can be of one vendor or product on ${engine.name}`, async (t) => {
    const vendorId = await catalog.newVendor();
    const products: bigint[] = [];
    for (const index of times(5, Number))
      products.push(await catalog.newProduct({ vendorId, active: index % 2 === 0 }));
    const productId = products[0] ?? 0n;
    const offers: bigint[] = [];
    for (const _ of times(5, Number)) offers.push(await catalog.newOffer({ productId }));

    const listings = {
      products: {
        expected: products.toReversed(),
        read: async (page: object) => {
          const answer = await admin.listAllProducts({ vendorId, perPage: 2, ...page }, adminCall());
          return { ids: answer.products.map(({ id }) => id), info: answer.pageInfo };
        },
      },
      offers: {
        expected: offers.toReversed(),
        read: async (page: object) => {
          const answer = await admin.listOffers({ productId, perPage: 2, ...page }, adminCall());
          return { ids: answer.offers.map(({ id }) => id), info: answer.pageInfo };
        },
      },
    };
    for (const { expected, read } of Object.values(listings)) {
      const first = await read({});
      t.deepEqual(first.ids, expected.slice(0, 2));
      t.like(first.info, { currentPage: 1, perPage: 2, total: 5n, lastPage: 3 });
      t.deepEqual((await read({ page: 3 })).ids, expected.slice(4));
      const walked: bigint[] = [...first.ids];
      for (let cursor = first.info?.nextCursor; cursor !== undefined; ) {
        const next = await read({ cursor });
        walked.push(...next.ids);
        cursor = next.info?.nextCursor;
      }
      t.deepEqual(walked, expected);
    }
  });

  test.serial(`vendors are listed newest first on ${engine.name}`, async (t) => {
    const ids: bigint[] = [];
    for (const _ of times(3, Number)) ids.push(await catalog.newVendor());
    const first = await admin.listVendors({ perPage: 2 }, adminCall());
    t.deepEqual(
      first.vendors.map(({ id }) => id),
      ids.toReversed().slice(0, 2),
    );
    const second = await admin.listVendors({ perPage: 1, cursor: first.pageInfo?.nextCursor ?? "" }, adminCall());
    t.deepEqual(
      second.vendors.map(({ id }) => id),
      ids.slice(0, 1),
    );
  });
}
