/** What a coupon takes off an order. */
export type Discount =
  | {
      readonly type: "percent";
      /** Of a percent, in hundredths: 1250 is 12.5 %; 1 to 10,000. */
      readonly hundredths: bigint;
      /** The most that it takes off, in minor units; undefined: no cap. */
      readonly most: bigint | undefined;
    }
  | {
      readonly type: "fixed";
      /** Minor units, above zero. */
      readonly amount: bigint;
    };

/** How a discount is told: by a part of the order, or by an amount. */
export type DiscountType = Discount["type"];

/** A whole, 100 %, in hundredths of a percent. */
export const wholeInHundredths = 10_000n;

/** What a coupon takes off an order's amount, in minor units: from zero to the whole amount. */
export function discountOn(orderAmount: bigint, discount: Discount): bigint {
  switch (discount.type) {
    case "percent": {
      const part = divideHalfEven(orderAmount * discount.hundredths, wholeInHundredths);
      return discount.most === undefined ? part : least(part, discount.most);
    }
    case "fixed":
      return least(discount.amount, orderAmount);
    default:
      throw discount satisfies never;
  }
}

/** Divides, both at least zero, and rounds to the nearest; of two that are as near, to the even one. */
export function divideHalfEven(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  const twiceRest = (dividend % divisor) * 2n;
  const isUp = twiceRest > divisor || (twiceRest === divisor && quotient % 2n === 1n);
  return isUp ? quotient + 1n : quotient;
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
