import { randomBytes } from "node:crypto";

/** What every code starts with. */
const prefix = "GC";

/** Crockford's base32: no I, L, O and U, which people take for other signs, or for words. */
const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

const randomBytesInCode = 10;

/** Each stands for five bits. */
const digitsInCode = (randomBytesInCode * 8) / 5;

/** A new code: `GC` and 16 digits, 80 random bits. */
export function newCode(): string {
  let bits = BigInt(`0x${randomBytes(randomBytesInCode).toString("hex")}`);
  let code = "";
  for (let digit = 0; digit < digitsInCode; digit++) {
    code += digits.charAt(Number(bits & 31n));
    bits >>= 5n;
  }
  return prefix + code;
}

/**
 * A code as it was made, from what somebody has typed: in lower case, in groups, with O for 0 and I or L for 1, without
 * its first letters. What is no code at all becomes some text that is none either.
 */
export function canonicalCode(text: string): string {
  const typed = text
    .normalize("NFKC")
    .toUpperCase()
    .replaceAll(/[\s\p{Pd}_.]/gu, "")
    .replaceAll("O", "0")
    .replaceAll(/[IL]/g, "1");
  return typed.length === digitsInCode ? prefix + typed : typed;
}

/** What everybody may see of a code. */
export function lastFourOf(code: string): string {
  return code.slice(-4);
}
