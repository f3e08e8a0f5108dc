import test from "ava";
import { canonicalCode, lastFourOf, newCode } from "./code.ts";

test("a code is GC and 16 digits of Crockford's base32", (t) => {
  for (let one = 0; one < 1_000; one++) t.regex(newCode(), /^GC[0-9A-HJKMNP-TV-Z]{16}$/);
});

test("every digit is as likely in every place, and no two codes are the same", (t) => {
  const codes = Array.from({ length: 32_000 }, newCode);
  t.is(new Set(codes).size, codes.length);
  for (let place = 2; place < 18; place++) {
    const counts = Map.groupBy(codes, (code) => code[place]);
    t.is(counts.size, 32);
    // 1,000 are expected of each; six standard deviations off is one in a billion.
    for (const { length } of counts.values()) t.true(length > 800 && length < 1_200, `${length} in place ${place}`);
  }
});

for (const typed of [
  "GC0123456789ABCDEF",
  "gc0123456789abcdef",
  " GC 0123 4567 89AB CDEF ",
  "GC-0123-4567-89AB-CDEF",
  "GC–0123—4567‑89ab_cdef",
  "GCO123456789ABCDEF",
  "gco l23 4567 89ab cdef",
  "GC0I23456789ABCDEF",
  "0123456789ABCDEF",
  "ＧＣ０１２３４５６７８９ＡＢＣＤＥＦ",
]) {
  test(`"${typed}" is the code GC0123456789ABCDEF`, (t) => {
    t.is(canonicalCode(typed), "GC0123456789ABCDEF");
  });
}

for (const typed of ["", "GC", "GC123456", "GC0123456789ABCDEF0", "AB0123456789ABCDEF", "GC0123456789ABCDE!", "🎁"]) {
  test(`"${typed}" is no code`, (t) => {
    t.notRegex(canonicalCode(typed), /^GC[0-9A-HJKMNP-TV-Z]{16}$/);
  });
}

test("a code that is canonical stays so", (t) => {
  for (let one = 0; one < 1_000; one++) {
    const code = newCode();
    t.is(canonicalCode(code), code);
  }
});

test("all may see the last four digits", (t) => {
  t.is(lastFourOf("GC0123456789ABCDEF"), "CDEF");
});
