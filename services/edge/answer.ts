import type { OutgoingHttpHeader, ServerResponse } from "node:http";
import type { FastifyInstance, FastifyReply } from "fastify";

/** What every answer has, whatever it is about. */
export interface CommonHeaders {
  readonly always: Readonly<Record<string, string>>;
  /** The same, and what browsers want to see of answers to pages of other origins. */
  readonly forBrowsers: Readonly<Record<string, string>>;
}

export type Headers = Record<string, OutgoingHttpHeader>;

/** Gives every answer that Fastify sends the headers that all have, but for those that it has of its own. */
export function addCommonHeaders(app: FastifyInstance, { forBrowsers }: CommonHeaders): void {
  const entries = Object.entries(forBrowsers);
  app.addHook("onSend", (request, reply, payload, done) => {
    reply.header("x-request-id", request.id);
    for (const [name, value] of entries) if (!reply.hasHeader(name)) reply.header(name, value);
    done(null, payload);
  });
}

/** All the headers of an answer that Fastify does not send. */
export function headersOf(reply: FastifyReply, { forBrowsers }: CommonHeaders, own: Headers): Headers {
  return withCommon(reply, forBrowsers, own);
}

function withCommon(reply: FastifyReply, common: Readonly<Record<string, string>>, own: Headers): Headers {
  return { ...common, ...(reply.getHeaders() as Headers), "x-request-id": reply.request.id, ...own };
}

/**
 * Sends a text that nobody may keep past Fastify, whose own way takes as long as to read the request and to check who may
 * make it. Browsers say from which origin they ask: to all others it is sent without what only those look at.
 */
export function sendText(
  reply: FastifyReply,
  common: CommonHeaders,
  { status, contentType }: { readonly status: number; readonly contentType: string },
  text: string,
): void {
  const own = { "content-type": contentType, "content-length": Buffer.byteLength(text) };
  const { origin } = reply.request.headers;
  const headers = withCommon(reply, origin === undefined ? common.always : common.forBrowsers, own);
  endTogether(reply.hijack().raw.writeHead(status, headers), text);
}

/** Sends a body past Fastify, or none, with all the headers that it is to have. */
export function send(
  reply: FastifyReply,
  common: CommonHeaders,
  status: number,
  own: Headers,
  body?: string | Uint8Array,
): void {
  endTogether(reply.hijack().raw.writeHead(status, headersOf(reply, common, own)), body);
}

let ending: [response: ServerResponse, body: string | Uint8Array | undefined][] = [];

/**
 * Ends an answer with all others of one turn of the event loop. To wake whoever waits for one takes far longer than to
 * write it; one after the other, they are still awake for the next.
 */
function endTogether(response: ServerResponse, body: string | Uint8Array | undefined): void {
  ending.push([response, body]);
  if (ending.length > 1) return;
  setImmediate(() => {
    const all = ending;
    ending = [];
    for (const [response, body] of all) response.end(body);
  });
}
