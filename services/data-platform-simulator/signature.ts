import { createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/** How far the clock of whoever signs may be off, in seconds. */
const mostSecondsOff = 300;

/**
 * Whether a request is signed with the secret, and was just now, by Standard Webhooks 1.0.0. There may be several
 * signatures: while a secret is changed, one of the old and one of the new.
 */
export function isSigned(headers: IncomingHttpHeaders, body: Uint8Array, secret: Uint8Array): boolean {
  const id = headers["webhook-id"];
  const timestamp = headers["webhook-timestamp"];
  const signatures = headers["webhook-signature"];
  if (typeof id !== "string" || typeof timestamp !== "string" || typeof signatures !== "string") return false;
  if (!/^[0-9]{1,12}$/.test(timestamp)) return false;
  if (Math.abs(Date.now() / 1_000 - Number(timestamp)) > mostSecondsOff) return false;
  const expected = createHmac("sha256", secret).update(`${id}.${timestamp}.`).update(body).digest();
  return signatures.split(" ").some((signature) => {
    const [version, text = ""] = signature.split(",");
    const given = Buffer.from(text, "base64");
    return version === "v1" && given.length === expected.length && timingSafeEqual(given, expected);
  });
}
