import test from "ava";
import fc from "fast-check";
import { mostMinorUnits } from "../../platform/money.ts";
import { MixedCurrencies, OrderTooLarge } from "./errors.ts";
import { addUp, allocate, price, sum } from "./pricing.ts";

test("lines of one product are added up where the first of them stood", (t) => {
  const lines = [
    { productId: 7n, quantity: 1n },
    { productId: 3n, quantity: 2n },
    { productId: 7n, quantity: 4n },
  ];
  t.deepEqual(addUp(lines), [
    { productId: 7n, quantity: 5n },
    { productId: 3n, quantity: 2n },
  ]);
});

test("a discount parts among the items: all of it, none below zero, and none beyond its item", (t) => {
  const amounts = fc.array(fc.bigInt({ min: 0n, max: 10n ** 12n }), { minLength: 1, maxLength: 20 });
  const cases = amounts.chain((some) => fc.tuple(fc.constant(some), fc.bigInt({ min: 0n, max: sum(some) })));
  fc.assert(
    fc.property(cases, ([some, discount]) => {
      const parts = allocate(discount, some);
      t.is(sum(parts), discount);
      t.true(parts.every((part, index) => part >= 0n && part <= (some[index] ?? 0n)));
    }),
  );
  t.pass();
});

test("the parts are in proportion to a minor unit, and what is left goes to those that lost most by rounding", (t) => {
  t.deepEqual(
    allocate(
      100n,
      [1n, 1n, 1n].map((amount) => amount * 100n),
    ),
    [34n, 33n, 33n],
  );
  t.deepEqual(allocate(10n, [15n, 25n, 60n]), [2n, 2n, 6n]);
  t.deepEqual(allocate(1n, [1n, 99n]), [0n, 1n]);
  t.deepEqual(allocate(0n, [0n, 0n]), [0n, 0n]);
});

test("a discount beyond the whole is no discount", (t) => {
  t.throws(() => allocate(11n, [5n, 5n]), { instanceOf: RangeError });
});

test("an order has one currency", (t) => {
  const lines = [1n, 2n].map((productId) => ({ productId, quantity: 1n }));
  t.throws(() => price(lines, [quote(1n, 100n, "SAR"), quote(2n, 100n, "KWD")]), { instanceOf: MixedCurrencies });
});

test("an order comes to 2^53 - 1 minor units at most", (t) => {
  const lines = [1n, 2n].map((productId) => ({ productId, quantity: 1n }));
  t.is(price(lines, [quote(1n, mostMinorUnits - 1n), quote(2n, 1n)]).length, 2);
  t.throws(() => price(lines, [quote(1n, mostMinorUnits), quote(2n, 1n)]), { instanceOf: OrderTooLarge });
});

function quote(productId: bigint, unitPrice: bigint, currency = "SAR") {
  return { productId, vendorId: 1n, name: "Roses", unitPrice, currency, offerId: undefined };
}
