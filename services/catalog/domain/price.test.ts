import test from "ava";
import { OfferNotFound, ProductNotFound } from "./errors.ts";
import { priceAt, runningOffers } from "./price.ts";
import type { Offer, Product } from "./product.ts";

const product: Product = {
  id: 1n,
  vendorId: 2n,
  name: "Roses",
  price: 2_500n,
  currency: "SAR",
  active: true,
  createdAt: 0n,
  updatedAt: 0n,
};

const offer = (changes: Partial<Offer>): Offer => ({
  id: 1n,
  productId: 1n,
  name: "Offer",
  price: 2_000n,
  startsAt: 10n,
  endsAt: 20n,
  ...changes,
});

const idsAt = (offers: readonly Offer[], at: bigint) => runningOffers(offers, at).map(({ id }) => id);

test("an offer runs from its first instant to its last, both included", (t) => {
  const one = [offer({})];
  t.deepEqual(
    [9n, 10n, 20n, 21n].map((at) => idsAt(one, at).length),
    [0, 1, 1, 0],
  );
  t.deepEqual(idsAt([offer({ endsAt: undefined })], 2n ** 62n), [1n]);
});

test("running offers are in the order of their prices, and of two alike the older is first", (t) => {
  const offers = [offer({ id: 3n }), offer({ id: 2n }), offer({ id: 9n, price: 1n }), offer({ id: 1n, startsAt: 16n })];
  t.deepEqual(idsAt(offers, 15n), [9n, 2n, 3n]);
});

for (const [what, offerId, offers, expected] of [
  ["its own price where no offer runs", undefined, [offer({ startsAt: 16n })], [2_500n, undefined]],
  ["the lowest offer that runs", undefined, [offer({}), offer({ id: 2n, price: 1_999n })], [1_999n, 2n]],
  ["its own price where an offer is no lower", undefined, [offer({ price: 2_500n })], [2_500n, undefined]],
  ["the offer that is asked for", 1n, [offer({}), offer({ id: 2n, price: 1_999n })], [2_000n, 1n]],
  ["the offer that is asked for, a dearer one too", 1n, [offer({ price: 2_600n })], [2_600n, 1n]],
] as const) {
  test(`a product costs ${what}`, (t) => {
    const pricing = priceAt({ productId: 1n, offerId }, { product, offers }, 15n);
    t.deepEqual("price" in pricing && [pricing.price.unitPrice, pricing.price.offerId], [...expected]);
  });
}

for (const [what, offers] of [
  ["does not run", [offer({ startsAt: 16n })]],
  ["is another product's", [offer({ productId: 2n })]],
  ["is not there", []],
] as const) {
  test(`a product has no price at an offer that ${what}`, (t) => {
    const pricing = priceAt({ productId: 1n, offerId: 1n }, { product, offers }, 15n);
    t.true("refusal" in pricing && pricing.refusal instanceof OfferNotFound);
  });
}

test("a product that is not there, or not on sale, has no price", (t) => {
  for (const priced of [undefined, { product: { ...product, active: false }, offers: [] }]) {
    const pricing = priceAt({ productId: 1n, offerId: undefined }, priced, 15n);
    t.true("refusal" in pricing && pricing.refusal instanceof ProductNotFound);
  }
});
