import test from "ava";
import fc from "fast-check";
import { mostMinorUnits } from "../../platform/money.ts";
import { discountOn, divideHalfEven } from "./discount.ts";
import { formatPercent, parsePercent } from "./percent.ts";

const amount = fc.bigInt(1n, mostMinorUnits);
const hundredths = fc.bigInt(1n, 10_000n);

test("a part of an order is as near to the exact one as whole units can be, and of two as near the even one", (t) => {
  fc.assert(
    fc.property(fc.oneof(amount, fc.bigInt(1n, 10_000n)), hundredths, (orderAmount, percent) => {
      const discount = discountOn(orderAmount, { type: "percent", hundredths: percent, most: undefined });
      // The exact part is exact / 10,000; so far from it is the discount, in 10,000ths of a unit.
      const exact = orderAmount * percent;
      const distance = discount * 10_000n > exact ? discount * 10_000n - exact : exact - discount * 10_000n;
      t.true(distance < 5_000n || (distance === 5_000n && discount % 2n === 0n), `${orderAmount} × ${percent}`);
    }),
    { numRuns: 2_000 },
  );
});

test("a division is rounded half even, whatever the divisor", (t) => {
  fc.assert(
    fc.property(fc.bigInt(0n, 10_000n), fc.bigInt(1n, 100n), (dividend, divisor) => {
      const rounded = divideHalfEven(dividend, divisor);
      const twiceOff = 2n * (dividend - rounded * divisor);
      const off = twiceOff < 0n ? -twiceOff : twiceOff;
      t.true(off < divisor || (off === divisor && rounded % 2n === 0n), `${dividend} / ${divisor}`);
    }),
    { numRuns: 2_000 },
  );
});

for (const [orderAmount, percent, discount] of [
  [5n, 1_000n, 0n],
  [15n, 1_000n, 2n],
  [25n, 1_000n, 2n],
  [35n, 1_000n, 4n],
  [1n, 5_000n, 0n],
  [3n, 5_000n, 2n],
  [1n, 5_001n, 1n],
  [1n, 1n, 0n],
  [10_000n, 1_250n, 1_250n],
  [9_999n, 10_000n, 9_999n],
] as const) {
  test(`${formatPercent(percent)} % of ${orderAmount} is ${discount}`, (t) => {
    t.is(discountOn(orderAmount, { type: "percent", hundredths: percent, most: undefined }), discount);
  });
}

test("no discount is more than the order, or than its cap, and one hundred percent is all of it", (t) => {
  fc.assert(
    fc.property(amount, hundredths, amount, (orderAmount, percent, limit) => {
      const free = discountOn(orderAmount, { type: "percent", hundredths: percent, most: undefined });
      const capped = discountOn(orderAmount, { type: "percent", hundredths: percent, most: limit });
      t.true(free >= 0n && free <= orderAmount);
      t.is(capped, free < limit ? free : limit);
      t.is(discountOn(orderAmount, { type: "fixed", amount: limit }), limit < orderAmount ? limit : orderAmount);
      t.is(discountOn(orderAmount, { type: "percent", hundredths: 10_000n, most: undefined }), orderAmount);
    }),
  );
});

test("a percentage that is written is read as it was, with no digit that it does not need", (t) => {
  fc.assert(
    fc.property(hundredths, (percent) => {
      const text = formatPercent(percent);
      t.deepEqual(parsePercent(text), { hundredths: percent });
      t.regex(text, /^[0-9]+(\.[0-9]?[1-9])?$/);
    }),
  );
});

for (const [text, expected] of [
  ["10", { hundredths: 1_000n }],
  ["12.50", { hundredths: 1_250n }],
  ["0.01", { hundredths: 1n }],
  ["100.00", { hundredths: 10_000n }],
  ["100.01", { problem: "must not be greater than 100" }],
  ["99999999999999999999", { problem: "must not be greater than 100" }],
  ["0", { problem: "must be greater than 0" }],
  ["0.00", { problem: "must be greater than 0" }],
  ["-1", { problem: "must be greater than 0" }],
  ["1.005", { problem: "must have at most 2 decimals" }],
  ["10%", { problem: "must be a number" }],
  ["1e1", { problem: "must be a number" }],
  [" 1", { problem: "must be a number" }],
  ["1.", { problem: "must be a number" }],
  ["", { problem: "must be a number" }],
] as const) {
  test(`"${text}" is read as ${"problem" in expected ? `what ${expected.problem}` : `${expected.hundredths} hundredths`}`, (t) => {
    t.deepEqual(parsePercent(text), expected);
  });
}
