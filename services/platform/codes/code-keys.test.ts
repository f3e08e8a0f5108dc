import { randomBytes } from "node:crypto";
import test from "ava";
import type { CodeKey } from "./code-key-list.ts";
import { CodeKeyMissing, CodeKeys, type CodeOwner, fingerprintOf } from "./code-keys.ts";

const keyOf = (id: string): CodeKey => ({ id, secret: randomBytes(32) });
const [first, second] = [keyOf("first"), keyOf("second")];
const owners: readonly CodeOwner[] = ["gift-card", "voucher"];
const keys = new CodeKeys("voucher", [first, second]);
const code = "GC0123456789ABCDEF";

test("what is kept of a code shows nothing of it", (t) => {
  const kept = keys.seal("voucher-17", code);
  t.deepEqual([kept.searchKeyId, kept.sealKeyId], ["first", "first"]);
  t.is(kept.searchKey.length, 32);
  for (const bytes of [kept.searchKey, kept.sealed]) t.false(Buffer.from(bytes).includes("CDEF"));
});

test("a code is opened again, by whoever has the key that it was sealed with", (t) => {
  for (const text of [code, "", "Wörter ✓", "x".repeat(4096)]) {
    const kept = keys.seal("voucher-17", text);
    for (const _ of ["at first", "and when it is remembered"]) t.is(keys.open("voucher-17", kept), text);
    t.is(new CodeKeys("voucher", [second, first]).open("voucher-17", kept), text);
    t.throws(() => new CodeKeys("voucher", [second]).open("voucher-17", kept), {
      instanceOf: CodeKeyMissing,
      message: "Service unavailable, try again",
    });
    t.throws(() => new CodeKeys("voucher", [{ ...second, id: "first" }]).open("voucher-17", kept));
  }
});

test("the same code is sealed otherwise each time, and found by the same key", (t) => {
  const [one, other] = [keys.seal("voucher-17", code), keys.seal("voucher-17", code)];
  t.notDeepEqual(one.sealed, other.sealed);
  t.deepEqual(one.searchKey, other.searchKey);
});

test("what is sealed for one thing does not open for another, nor changed by one bit", (t) => {
  const kept = keys.seal("voucher-17", code);
  t.is(keys.open("voucher-17", kept), code, "which is remembered of it, and of nothing else");
  t.throws(() => keys.open("voucher-18", kept));
  t.throws(() => keys.open("voucher-17", { ...kept, sealKeyId: "second" }));
  for (let at = 0; at < kept.sealed.length; at++) {
    const sealed = Buffer.from(kept.sealed);
    sealed[at] = (sealed[at] ?? 0) ^ 1;
    t.throws(() => keys.open("voucher-17", { ...kept, sealed }));
  }
});

test("with the same secret, one owner's codes are neither opened nor found by another's keys", (t) => {
  const [cards, vouchers] = owners.map((owner) => new CodeKeys(owner, [first]));
  const kept = cards?.seal("card-17", code);
  if (!kept) throw new Error("No owner");
  t.throws(() => vouchers?.open("card-17", kept));
  t.notDeepEqual(vouchers?.searchKeys(code), cards?.searchKeys(code));
  t.not(fingerprintOf("voucher", first), fingerprintOf("gift-card", first));
});

test("what a version before this one has kept opens, is found, and its key is the one that it was", (t) => {
  const key = { id: "old", secret: Buffer.alloc(32, "a secret that was there before.") };
  const sealed = Buffer.from("XZ9aJsEXlB74ZtGIo0YAJ56JlUr3WgQKQR9Q1e0VxxONCH6tY5rgCGXGBUoqkw==", "base64");
  const searchKey = Buffer.from("YSwfirLp+EyXC+yUZ+XeRAI6Z7MXsbl5zhwLofFCe5Q=", "base64");
  const opened = new CodeKeys("gift-card", [key]);
  t.is(opened.open("card-17", { sealed, sealKeyId: "old" }), code);
  t.deepEqual(opened.searchKeys(code), [searchKey]);
  t.is(fingerprintOf("gift-card", key), "05d2df9d4f7b6f28");
});

test("a code is found by each key there is, in whatever order they are", (t) => {
  const turned = new CodeKeys("voucher", [second, first]);
  for (const kept of [keys.seal("voucher-17", code), turned.seal("voucher-18", code)]) {
    for (const one of [keys, turned]) {
      t.true(one.searchKeys(code).some((key) => Buffer.from(key).equals(kept.searchKey)));
      t.false(one.searchKeys("another").some((key) => Buffer.from(key).equals(kept.searchKey)));
    }
  }
});

test("a fingerprint tells secrets apart, and none of them", (t) => {
  for (const owner of owners) {
    t.is(fingerprintOf(owner, first), fingerprintOf(owner, { ...first, id: "renamed" }));
    t.not(fingerprintOf(owner, first), fingerprintOf(owner, second));
    t.regex(fingerprintOf(owner, first), /^[0-9a-f]{16}$/);
    t.false(Buffer.from(first.secret).toString("hex").includes(fingerprintOf(owner, first)));
  }
});
