import { createHash } from "node:crypto";
import type { FastifyReply } from "fastify";
import { type CommonHeaders, type Headers, send } from "./answer.ts";

/** Sends an answer with its entity tag, or only that it is the one that the client has (RFC 9110, 13.1.2). */
export function sendCacheable(
  reply: FastifyReply,
  common: CommonHeaders,
  status: number,
  own: Headers,
  body: string | Uint8Array,
): void {
  const etag = entityTagOf(body);
  if (!isKnown(etag, reply.request.headers["if-none-match"])) {
    send(reply, common, status, { ...own, etag }, body);
    return;
  }
  const { "content-type": _type, "content-length": _length, ...others } = own;
  send(reply, common, 304, { ...others, etag });
}

function entityTagOf(body: string | Uint8Array): string {
  return `"${createHash("sha256").update(body).digest("base64url").slice(0, 27)}"`;
}

/** Whether a client says that it has the answer of this tag; compared weakly, as it is to be. */
function isKnown(etag: string, ifNoneMatch: string | undefined): boolean {
  if (ifNoneMatch === undefined) return false;
  const tags = ifNoneMatch.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags.includes(etag) || tags.includes("*");
}
