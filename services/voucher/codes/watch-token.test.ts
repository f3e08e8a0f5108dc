import { createHash } from "node:crypto";
import test from "ava";
import { isTokenOf, newWatchToken } from "./watch-token.ts";

test("each watch token is another, of 192 bits, and fits into a URL as it is", (t) => {
  const tokens = Array.from({ length: 1_000 }, () => newWatchToken().token);
  t.is(new Set(tokens).size, tokens.length);
  for (const token of tokens) t.regex(token, /^[A-Za-z0-9_-]{32}$/);
});

test("a token is known by its hash, from which it cannot be read", (t) => {
  const { token, hash } = newWatchToken();
  t.true(isTokenOf(token, hash));
  t.deepEqual(hash, createHash("sha256").update(token).digest());
  t.false(Buffer.from(hash).includes(token.slice(0, 4)));
});

test("no other token is taken for it", (t) => {
  const { token, hash } = newWatchToken();
  for (const other of ["", token.slice(1), `${token}A`, token.toLowerCase(), newWatchToken().token, "é".repeat(32)]) {
    t.is(isTokenOf(other, hash), other === token, other);
    t.false(isTokenOf(other, undefined));
  }
  t.false(isTokenOf(token, undefined));
});
