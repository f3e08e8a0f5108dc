import { randomBytes } from "node:crypto";
import test from "ava";
import { Unavailable } from "../platform/refusal.ts";
import { type CodeKey, CodeKeys, fingerprintOf } from "./code-keys.ts";

const keyOf = (id: string): CodeKey => ({ id, secret: randomBytes(32) });
const [first, second] = [keyOf("first"), keyOf("second")];
const keys = new CodeKeys([first, second]);
const code = "GC0123456789ABCDEF";

test("what is kept of a code shows nothing of it but the last four digits", (t) => {
  const kept = keys.seal(17n, code);
  t.is(kept.last4, "CDEF");
  t.deepEqual([kept.searchKeyId, kept.sealKeyId], ["first", "first"]);
  t.is(kept.searchKey.length, 32);
  for (const bytes of [kept.searchKey, kept.sealed]) t.false(Buffer.from(bytes).includes("CDEF"));
});

test("a code is opened again, by whoever has the key that it was sealed with", (t) => {
  const kept = keys.seal(17n, code);
  t.is(keys.open(17n, kept), code);
  t.is(new CodeKeys([second, first]).open(17n, kept), code);
  t.throws(() => new CodeKeys([second]).open(17n, kept), { instanceOf: Unavailable });
  t.throws(() => new CodeKeys([{ ...second, id: "first" }]).open(17n, kept));
});

test("the same code is sealed otherwise each time, and found by the same key", (t) => {
  const [one, other] = [keys.seal(17n, code), keys.seal(17n, code)];
  t.notDeepEqual(one.sealed, other.sealed);
  t.deepEqual(one.searchKey, other.searchKey);
});

test("what is sealed for one card does not open for another, nor changed by one bit", (t) => {
  const kept = keys.seal(17n, code);
  t.throws(() => keys.open(18n, kept));
  for (let at = 0; at < kept.sealed.length; at++) {
    const sealed = Buffer.from(kept.sealed);
    sealed[at] = (sealed[at] ?? 0) ^ 1;
    t.throws(() => keys.open(17n, { ...kept, sealed }));
  }
});

test("a code is found by each key there is, in whatever order they are, and however it is typed", (t) => {
  const turned = new CodeKeys([second, first]);
  for (const kept of [keys.seal(17n, code), turned.seal(18n, code)]) {
    for (const one of [keys, turned]) {
      for (const typed of [code, "gc-o123-4567-89ab-cdef", "0l23456789abcdef"]) {
        t.true(
          one.searchKeys(typed).some((key) => Buffer.from(key).equals(kept.searchKey)),
          typed,
        );
      }
      t.is(one.searchKeys("nothing like a code").length, 2);
    }
  }
});

test("a fingerprint tells secrets apart, and none of them", (t) => {
  t.is(fingerprintOf(first), fingerprintOf({ ...first, id: "renamed" }));
  t.not(fingerprintOf(first), fingerprintOf(second));
  t.regex(fingerprintOf(first), /^[0-9a-f]{16}$/);
  t.false(Buffer.from(first.secret).toString("hex").includes(fingerprintOf(first)));
});
