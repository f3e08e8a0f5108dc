import type { CreateCouponRequest } from "../../../gen/giftmesh/voucher/v1/admin_coupon_service_pb.ts";
import { DiscountType } from "../../../gen/giftmesh/voucher/v1/coupon_pb.ts";
import { FieldReading } from "../../platform/field-reading.ts";
import { isCurrency } from "../../platform/money.ts";
import { InvalidFields } from "../../platform/refusal.ts";
import { type Instant, toInstant } from "../../platform/time.ts";
import { type CouponOffer, type CouponTerms, timeProblem } from "../domain/coupon.ts";
import type { Discount } from "../domain/discount.ts";
import { parsePercent } from "../domain/percent.ts";

const usualPerUserLimit = 1;

/** Reads what coupon is to be made, at an instant, and says what no rule of the proto can. Throws InvalidFields. */
export function readNewCoupon(
  request: CreateCouponRequest,
  defaultCurrency: string,
  now: Instant,
): CouponTerms & CouponOffer {
  const currency = request.currency ?? defaultCurrency;
  if (!isCurrency(currency)) {
    throw new InvalidFields([{ field: "currency", description: "The currency is not supported." }]);
  }
  const reading = new CouponReading(currency);
  const discount = reading.discount(request);
  const minOrderAmount = reading.amountOf("min_order_amount", request.minOrderAmount);
  const startsAt = request.startsAt ? toInstant(request.startsAt) : now;
  const endsAt = request.endsAt && toInstant(request.endsAt);
  const problem = timeProblem({ startsAt, endsAt });
  if (problem) reading.refuse("ends_at", problem);
  const { name, totalQuantity, perUserLimit = usualPerUserLimit } = request;
  const offer = { name, totalQuantity, perUserLimit: BigInt(perUserLimit), startsAt, endsAt };
  return { discount: reading.checked(discount), currency, minOrderAmount, ...offer };
}

/** One reading of a coupon, whose amounts are of its currency. */
class CouponReading extends FieldReading {
  private readonly currency: string;

  constructor(currency: string) {
    super();
    this.currency = currency;
  }

  amountOf(field: string, text: string | undefined): bigint | undefined {
    return text === undefined ? undefined : this.amount(field, text, this.currency);
  }

  /** Undefined where it has been refused. */
  discount({ discountType, discountValue, maxDiscount }: CreateCouponRequest): Discount | undefined {
    if (discountType === DiscountType.PERCENT) {
      const most = this.amountOf("max_discount", maxDiscount);
      const percent = parsePercent(discountValue);
      if ("problem" in percent) return this.refuse("discount_value", percent.problem);
      return { type: "percent", hundredths: percent.hundredths, most };
    }
    if (maxDiscount !== undefined) this.refuse("max_discount", "is for the discount type percent only");
    const amount = this.amountOf("discount_value", discountValue);
    return amount === undefined ? undefined : { type: "fixed", amount };
  }
}
