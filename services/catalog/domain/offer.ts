import { formatAmount } from "../../platform/money.ts";
import type { FieldViolation } from "../../platform/refusal.ts";
import type { Offer, Product } from "./product.ts";

/** What is wrong with an offer for a product; `changed` are the fields, in snake_case, that it is being given. */
export function offerViolations(
  { price, startsAt, endsAt }: Pick<Offer, "price" | "startsAt" | "endsAt">,
  product: Pick<Product, "price" | "currency">,
  changed: ReadonlySet<string>,
): FieldViolation[] {
  const violations: FieldViolation[] = [];
  if (changed.has("price") && price >= product.price) {
    const limit = formatAmount(product.price, product.currency);
    violations.push({ field: "price", description: `The price must be less than the product's: ${limit}.` });
  }
  if (endsAt !== undefined && endsAt < startsAt) {
    violations.push(
      changed.has("ends_at") || !changed.has("starts_at")
        ? { field: "ends_at", description: "The ends at must not be before starts at." }
        : { field: "starts_at", description: "The starts at must not be after ends at." },
    );
  }
  return violations;
}
