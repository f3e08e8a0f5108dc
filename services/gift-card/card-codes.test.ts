import { randomBytes } from "node:crypto";
import test from "ava";
import { CodeKeys } from "../platform/codes/code-keys.ts";
import { CardCodes } from "./card-codes.ts";

const codes = new CardCodes(new CodeKeys("gift-card", [{ id: "first", secret: randomBytes(32) }]));
const code = "GC0123456789ABCDEF";

test("a card's code is kept with its last four digits, and opens for that card only", (t) => {
  const kept = codes.seal(17n, code);
  t.is(kept.last4, "CDEF");
  t.is(codes.open(17n, kept), code);
  t.throws(() => codes.open(18n, kept));
});

test("a code is found however it is typed", (t) => {
  const kept = codes.seal(17n, code);
  for (const typed of [code, "gc-o123-4567-89ab-cdef", "0l23456789abcdef"]) {
    t.true(
      codes.searchKeys(typed).some((key) => Buffer.from(key).equals(kept.searchKey)),
      typed,
    );
  }
  t.is(codes.searchKeys("nothing like a code").length, 1);
});

test("each code that is made is another", (t) => {
  const made = Array.from({ length: 1_000 }, () => codes.newCode());
  t.is(new Set(made).size, made.length);
  for (const one of made) t.regex(one, /^GC[0-9A-HJKMNP-TV-Z]{16}$/);
});
