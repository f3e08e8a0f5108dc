import { createHmac } from "node:crypto";

/**
 * The headers that sign a request by Standard Webhooks 1.0.0: HMAC-SHA256 over its id, when it is sent (in seconds since
 * 1970) and its body, so that none of them can be changed, and it cannot be sent again much later.
 */
export function signatureHeaders(id: string, sentAt: number, body: Uint8Array, secret: Uint8Array) {
  const signature = createHmac("sha256", secret).update(`${id}.${sentAt}.`).update(body).digest("base64");
  return { "webhook-id": id, "webhook-timestamp": String(sentAt), "webhook-signature": `v1,${signature}` };
}
