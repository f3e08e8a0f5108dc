import test from "ava";
import { matchPattern } from "./pattern-match.ts";

for (const [pattern, good, bad] of [
  ["^(me|[1-9][0-9]{0,15})$", ["me", "1", "1234567890123456"], ["", "you", "0", "me\n", "12345678901234567"]],
  ["^[!-~]*$", ["", "a b".replace(" ", "")], ["a b", "é", "a\n"]],
  ["^[A-Z]{3}$", ["SAR"], ["SA", "SARS", "sar"]],
  ["^[A-Za-z0-9._@+-]+$", ["sara@a-b.c+d"], ["", "a/b"]],
] as const) {
  test(`${pattern} matches as in RE2`, (t) => {
    for (const text of good) t.true(matchPattern(pattern, text), JSON.stringify(text));
    for (const text of bad) t.false(matchPattern(pattern, text), JSON.stringify(text));
  });
}

for (const pattern of [
  "[a-z]*",
  "^[a-z]*",
  "^([a-z]+)*$",
  "^([a-z]+-)+[a-z]$",
  "^[a-z]*[a-z0-9]*$",
  "^[a-z]{2,}[a-z]{3,}$",
  "^(a{1,9}){1,9}$",
  "^.$",
  "^\\d$",
  "^[\\d]$",
  "^[[:alpha:]]$",
  "(?i)^a$",
  "^(?i)a$",
]) {
  test(`${pattern} is left to RE2`, (t) => {
    t.throws(() => matchPattern(pattern, "a"), { message: /RE2/ });
  });
}
