import { webcrypto } from "node:crypto";
import test from "ava";
import fc from "fast-check";
import { signatureHeaders } from "./signature.ts";

/** The example of the Standard Webhooks libraries. */
const vector = {
  secret: "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
  sentAt: 1_614_265_330,
  body: '{"test": 2432232314}',
  signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
};

test("a request is signed as the example of Standard Webhooks is", (t) => {
  const { secret, id, sentAt, body, signature } = vector;
  t.deepEqual(signatureHeaders(id, sentAt, Buffer.from(body), Buffer.from(secret, "base64")), {
    "webhook-id": id,
    "webhook-timestamp": "1614265330",
    "webhook-signature": signature,
  });
});

/** The specification, by another library: HMAC-SHA256 (RFC 2104) of what is signed, in base64. */
async function signedByAnother(id: string, sentAt: number, body: Uint8Array, secret: Uint8Array): Promise<string> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await webcrypto.subtle.importKey("raw", new Uint8Array(secret), algorithm, false, ["sign"]);
  const content = new Uint8Array([...new TextEncoder().encode(`${id}.${sentAt}.`), ...body]);
  return `v1,${btoa(String.fromCharCode(...new Uint8Array(await webcrypto.subtle.sign("HMAC", key, content))))}`;
}

test("whatever is signed, another implementation signs it the same", async (t) => {
  const bytes = (least: number) => fc.uint8Array({ minLength: least, maxLength: 80 });
  await fc.assert(
    fc.asyncProperty(fc.string(), fc.nat(), bytes(0), bytes(24), async (id, sentAt, body, secret) => {
      const { "webhook-signature": signature } = signatureHeaders(id, sentAt, body, secret);
      t.is(signature, await signedByAnother(id, sentAt, body, secret));
    }),
  );
});
