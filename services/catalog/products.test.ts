import test from "ava";
import { type Engine, engines } from "../platform/testing/engines.ts";
import { OfferNotFound, ProductNotFound } from "./domain/errors.ts";
import { adminCall, callOf, inSeconds, newHoldId, RunningCatalog, times, userCall } from "./testing/running-catalog.ts";

const setUp = async (engine: Engine) => ({ engine, catalog: await RunningCatalog.start(engine) });

for (const { engine, catalog } of await Promise.all(engines().map(setUp))) {
  const { products } = catalog;

  test.after.always(async () => {
    await catalog.stop();
    await engine.remove();
  });

  test(`a product is shown with what is free now, and the offers that run now, the lowest first on ${engine.name}`, async (t) => {
    const productId = await catalog.newProduct({ stock: 5n });
    const dear = await catalog.newOffer({ productId, price: "24" });
    const alike = await catalog.newOffer({ productId, price: "20", endsAt: inSeconds(600) });
    const cheap = await catalog.newOffer({ productId, price: "19.99" });
    const later = await catalog.newOffer({ productId, price: "20" });
    await catalog.newOffer({ productId, price: "1", startsAt: inSeconds(60) });
    await catalog.newOffer({ productId, price: "2", startsAt: inSeconds(-60), endsAt: inSeconds(-30) });
    await catalog.stock.holdStock(
      { id: newHoldId(), lines: [{ productId, quantity: 2n }], expiresAt: inSeconds(60) },
      callOf(),
    );
    const { product } = await products.getProduct({ productId }, userCall());
    t.like(product, { id: productId, name: "Roses", price: "25.00", currency: "SAR", stock: 3n });
    t.deepEqual(
      product?.offers.map(({ id }) => id),
      [cheap, alike, later, dear],
    );
  });

  test(`a product that is not on sale, or not there, is not found on ${engine.name}`, async (t) => {
    const productId = await catalog.newProduct({ active: false });
    await t.throwsAsync(products.getProduct({ productId }, userCall()), { instanceOf: ProductNotFound });
    await t.throwsAsync(products.getProduct({ productId: 9_999_999n }, userCall()), { instanceOf: ProductNotFound });
  });

  test(`products on sale are listed, those of one vendor if asked, the newest first on ${engine.name}`, async (t) => {
    const vendorId = await catalog.newVendor();
    const ids: bigint[] = [];
    for (const index of times(6, Number)) ids.push(await catalog.newProduct({ vendorId, active: index !== 2 }));
    const offer = await catalog.newOffer({ productId: ids[5] ?? 0n });
    const expected = ids.filter((_, index) => index !== 2).toReversed();
    const first = await products.listProducts({ vendorId, perPage: 3 }, userCall());
    t.deepEqual(
      first.products.map(({ id }) => id),
      expected.slice(0, 3),
    );
    t.is(first.products[0]?.offers[0]?.id, offer);
    t.like(first.pageInfo, { total: 5n, lastPage: 2 });
    const cursor = first.pageInfo?.nextCursor ?? "";
    const second = await products.listProducts({ vendorId, perPage: 3, cursor }, userCall());
    t.deepEqual(
      second.products.map(({ id }) => id),
      expected.slice(3),
    );
    t.is(second.pageInfo?.nextCursor, undefined);
    const { products: none } = await products.listProducts({ vendorId: 9_999_999n }, userCall());
    t.deepEqual(none, []);
  });

  test(`a quote says what products cost now, at the lowest offer or the one asked for, and holds nothing on ${engine.name}`, async (t) => {
    const [roses, lilies] = [await catalog.newProduct(), await catalog.newProduct({ price: "8", stock: 1n })];
    const dear = await catalog.newOffer({ productId: roses, price: "24" });
    const cheap = await catalog.newOffer({ productId: roses, price: "20" });
    const items = [{ productId: lilies }, { productId: roses }, { productId: roses, offerId: dear }];
    const { quotes } = await catalog.stock.quoteProducts({ items }, callOf());
    t.deepEqual(
      quotes.map((one) => [one.productId, one.unitPrice?.minorUnits, one.offerId, one.stock]),
      [
        [lilies, 800n, undefined, 1n],
        [roses, 2000n, cheap, 10n],
        [roses, 2400n, dear, 10n],
      ],
    );
    t.deepEqual(await catalog.levelOf(roses), [10n, 0n, 0n]);
  });

  test(`an offer that is no lower than the product's price has become is not taken by itself on ${engine.name}`, async (t) => {
    const productId = await catalog.newProduct();
    const offerId = await catalog.newOffer({ productId, price: "20" });
    await catalog.admin.updateProduct({ productId, price: "20" }, adminCall());
    const { quotes } = await catalog.stock.quoteProducts({ items: [{ productId }, { productId, offerId }] }, callOf());
    t.deepEqual(
      quotes.map((one) => [one.unitPrice?.minorUnits, one.offerId]),
      [
        [2000n, undefined],
        [2000n, offerId],
      ],
    );
  });

  test(`what has no price is refused, or left out where that is asked for on ${engine.name}`, async (t) => {
    const [product, gone] = [await catalog.newProduct(), await catalog.newProduct({ active: false })];
    const others = await catalog.newOffer({ productId: await catalog.newProduct() });
    const quote = (items: { productId: bigint; offerId?: bigint }[], skipMissing = false) =>
      catalog.stock.quoteProducts({ items, skipMissing }, callOf());
    await t.throwsAsync(quote([{ productId: product }, { productId: gone }]), { instanceOf: ProductNotFound });
    await t.throwsAsync(quote([{ productId: 9_999_999n }]), { instanceOf: ProductNotFound });
    await t.throwsAsync(quote([{ productId: product, offerId: others }]), { instanceOf: OfferNotFound });
    const items = [{ productId: gone }, { productId: product }, { productId: product, offerId: others }];
    const { quotes } = await quote(items, true);
    t.deepEqual(
      quotes.map(({ productId }) => productId),
      [product],
    );
  });
}
