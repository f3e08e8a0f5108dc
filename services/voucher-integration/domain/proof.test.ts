import test from "ava";
import { challengeOf, isChallenge, isSame, isVerifier } from "./proof.ts";

/** RFC 7636, Appendix B. */
const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

test("the verifier of RFC 7636, Appendix B has the challenge that is there", (t) => {
  t.is(challengeOf(verifier), challenge);
  t.true(isVerifier(verifier));
  t.true(isChallenge(challenge));
});

test("a verifier is 43 to 128 unreserved characters", (t) => {
  for (const good of ["a".repeat(43), "~".repeat(128), "-._~".padEnd(43, "Z9")]) t.true(isVerifier(good), good);
});

const noVerifiers = {
  empty: "",
  "of 42 characters": "a".repeat(42),
  "of 129 characters": "a".repeat(129),
  "with a line's end": `${"a".repeat(43)}\n`,
  "with +": "+".repeat(43),
  "with /": "/".repeat(43),
  "with =": `${"a".repeat(43)}=`,
  "with a space": `${"a".repeat(42)} `,
  "with a letter that ASCII has not": "é".repeat(43),
  "with NUL": `${"a".repeat(43)}\0`,
};

for (const [title, text] of Object.entries(noVerifiers)) {
  test(`what is ${title} is no verifier`, (t) => t.false(isVerifier(text)));
}

const noChallenges = {
  empty: "",
  "of 42 characters": challenge.slice(1),
  "of 44 characters": `${challenge}A`,
  padded: `${challenge}=`,
  "of base64 with +": challenge.replace("-", "+"),
  "with bits that no hash leaves": `${challenge.slice(0, 42)}N`,
};

for (const [title, text] of Object.entries(noChallenges)) {
  test(`what is ${title} is no challenge`, (t) => t.false(isChallenge(text)));
}

test("two are the same only where they are to the last byte", (t) => {
  t.true(isSame(challenge, challenge));
  t.true(isSame(Buffer.from([1, 2]), new Uint8Array([1, 2])));
  t.false(isSame(challenge, challenge.toLowerCase()));
  t.false(isSame(challenge, challenge.slice(1)));
  t.false(isSame("", challenge));
});
