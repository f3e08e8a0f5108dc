import { parseAmount } from "./money.ts";
import { type FieldViolation, InvalidFields } from "./refusal.ts";

/** One reading of a request, where no rule of the proto can tell: what is wrong with its fields, to be told all at once. */
export class FieldReading {
  private readonly violations: FieldViolation[] = [];

  /** Refuses a field, by the end of a sentence that starts with its name; answers what its value is then: nothing. */
  refuse(field: string, problem: string): undefined {
    this.violations.push({ field, description: `The ${field.replaceAll("_", " ")} ${problem}.` });
  }

  /** An amount, in minor units of a currency. */
  amount(field: string, text: string, currency: string): bigint | undefined {
    const amount = parseAmount(text, currency);
    return "minorUnits" in amount ? amount.minorUnits : this.refuse(field, amount.problem);
  }

  /** Throws InvalidFields where anything is wrong. */
  check(): void {
    if (this.violations.length > 0) throw new InvalidFields(this.violations);
  }

  /** The same; answers what was read, which is there where nothing is wrong. */
  checked<T>(value: T | undefined): T {
    if (value === undefined) throw new InvalidFields(this.violations);
    this.check();
    return value;
  }
}
