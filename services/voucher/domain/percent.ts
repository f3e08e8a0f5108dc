import { wholeInHundredths } from "./discount.ts";

/** A percentage that was read, or what is wrong with it: the end of a sentence that starts "The discount value …". */
export type ParsedPercent = { readonly hundredths: bigint } | { readonly problem: string };

/** Reads a decimal string as a percentage above zero, 100 at most, with two digits at most. */
export function parsePercent(text: string): ParsedPercent {
  const [, sign, whole, fraction = ""] = /^(-?)([0-9]{1,20})(?:\.([0-9]{1,20}))?$/.exec(text) ?? [];
  if (whole === undefined) return { problem: "must be a number" };
  if (fraction.length > 2) return { problem: "must have at most 2 decimals" };
  const hundredths = BigInt(whole + fraction.padEnd(2, "0"));
  if (sign === "-" || hundredths === 0n) return { problem: "must be greater than 0" };
  if (hundredths > wholeInHundredths) return { problem: "must not be greater than 100" };
  return { hundredths };
}

/** Writes a percentage with no digit more than it needs: `10`, `12.5`, `0.01`. */
export function formatPercent(hundredths: bigint): string {
  const whole = hundredths / 100n;
  const fraction = String(hundredths % 100n)
    .padStart(2, "0")
    .replace(/0+$/, "");
  return fraction === "" ? String(whole) : `${whole}.${fraction}`;
}
