import { parseAmount } from "../../platform/money.ts";
import { type FieldViolation, InvalidFields } from "../../platform/refusal.ts";

/** Reads fields as no rule of the proto can, and gathers what is wrong with them, so that it is told all at once. */
export class FieldReader {
  private readonly violations: FieldViolation[] = [];

  add(...violations: readonly FieldViolation[]): void {
    this.violations.push(...violations);
  }

  /** A price in a currency that there is. What is wrong is answered as 0. */
  price(text: string, currency: string): bigint {
    const amount = parseAmount(text, currency);
    if ("minorUnits" in amount) return amount.minorUnits;
    this.add({ field: "price", description: `The price ${amount.problem}.` });
    return 0n;
  }

  /** What to throw where one thing is wrong that the others rest on. */
  with(violation: FieldViolation): InvalidFields {
    return new InvalidFields([violation, ...this.violations]);
  }

  /** Throws InvalidFields where anything was wrong. */
  check(): void {
    if (this.violations.length > 0) throw new InvalidFields(this.violations);
  }
}
