import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { parseAmount } from "../../platform/money.ts";
import { type FieldViolation, InvalidFields } from "../../platform/refusal.ts";
import { type Instant, toInstant } from "../../platform/time.ts";

/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z: what a google.protobuf.Timestamp can hold. */
const earliestSeconds = -62_135_596_800n;
const latestSeconds = 253_402_300_799n;

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

  /** An instant; what is wrong is answered as undefined. */
  instant(field: string, timestamp: Timestamp | undefined): Instant | undefined {
    if (!timestamp) return undefined;
    const { seconds, nanos } = timestamp;
    if (seconds >= earliestSeconds && seconds <= latestSeconds && nanos >= 0 && nanos < 1e9)
      return toInstant(timestamp);
    this.add({ field, description: `The ${field.replaceAll("_", " ")} must be a valid date.` });
    return undefined;
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
