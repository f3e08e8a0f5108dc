import test from "ava";
import { readConfig } from "../platform/config.ts";
import { Unavailable } from "../platform/refusal.ts";
import { Passwords } from "./passwords.ts";

const { passwordCost } = readConfig({});
const passwords = new Passwords(passwordCost);

test("a password is held against its hash, and another one is not it", async (t) => {
  const hash = await passwords.hash("correct horse");
  t.true(await passwords.verify("correct horse", hash));
  t.false(await passwords.verify("correct horsf", hash));
  t.false(await passwords.verify("", hash));
});

test("a hash says how it was made, and differs each time", async (t) => {
  const [one, other] = await Promise.all([passwords.hash("correct horse"), passwords.hash("correct horse")]);
  t.regex(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  t.not(one, other);
});

test("a hash of another cost, made elsewhere, is good too", async (t) => {
  const hash = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
  t.true(await passwords.verify("password", hash));
  t.false(await passwords.verify("Password", hash));
});

test("a letter is the same whichever keyboard wrote it", async (t) => {
  t.true(await passwords.verify("cafe\u0301-au-lait", await passwords.hash("caf\u00e9-au-lait")));
});

test("nobody's password is never right", async (t) => {
  t.false(await passwords.verify(""));
  t.false(await passwords.verify("correct horse"));
});

test("more than can wait are turned away, and the others get their turn", async (t) => {
  const own = new Passwords(passwordCost);
  const asked = await Promise.allSettled(Array.from({ length: 140 }, () => own.hash("correct horse")));
  const turnedAway = asked.filter((one) => one.status === "rejected");
  t.true(turnedAway.length >= 9 && turnedAway.length <= 11);
  t.true(turnedAway.every((one) => one.reason instanceof Unavailable));
  t.true(await own.verify("correct horse", await own.hash("correct horse")));
});
