import type { DescMethod } from "@bufbuild/protobuf";
import type { Answer, RestClient } from "../../testing/rest-client.ts";
import type { Fields } from "./both-ways.ts";

/** What a stream said by Connect, and how it ended: with a success, or as a call that is refused does. */
export interface ConnectStream {
  readonly messages: readonly string[];
  readonly end: Answer;
}

/** The flag of the message that ends a stream. */
const endOfStream = 2;

/** The HTTP statuses that unary calls have for what ends a stream (https://connectrpc.com/docs/protocol). */
const statuses: Readonly<Record<string, number>> = {
  invalid_argument: 400,
  failed_precondition: 400,
  unauthenticated: 401,
  permission_denied: 403,
  not_found: 404,
  aborted: 409,
  resource_exhausted: 429,
  internal: 500,
  unavailable: 503,
};

/** Asks a server-streaming RPC by Connect, in JSON, and reads to its end. */
export async function askConnectStream(client: RestClient, method: DescMethod, fields: Fields): Promise<ConnectStream> {
  const response = await fetch(`${client.base}/${method.parent.typeName}/${method.name}`, {
    method: "POST",
    headers: {
      "content-type": "application/connect+json",
      "connect-protocol-version": "1",
      ...(client.token !== undefined && { authorization: `Bearer ${client.token}` }),
    },
    body: enveloped(JSON.stringify(fields)),
  });
  const frames = framesIn(Buffer.from(await response.arrayBuffer()));
  const last = frames.findLast(({ flags }) => (flags & endOfStream) !== 0);
  if (!last) throw new Error(`A stream has not ended, and said ${frames.map(({ text }) => text).join(" ")}`);
  const { error } = JSON.parse(last.text) as { readonly error?: Answer["body"] & { readonly code: string } };
  return {
    messages: frames.filter(({ flags }) => flags === 0).map(({ text }) => text),
    end: {
      status: error ? (statuses[error.code] ?? 500) : 200,
      headers: response.headers,
      text: last.text,
      body: error ?? {},
    },
  };
}

function enveloped(text: string): Buffer<ArrayBuffer> {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(Buffer.byteLength(text), 1);
  return Buffer.concat([head, Buffer.from(text)]);
}

function framesIn(bytes: Buffer): { readonly flags: number; readonly text: string }[] {
  const frames: { readonly flags: number; readonly text: string }[] = [];
  for (let at = 0; at + 5 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at + 1);
    frames.push({ flags: bytes[at] ?? 0, text: bytes.toString("utf8", at + 5, at + 5 + length) });
    at += 5 + length;
  }
  return frames;
}
