import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";

/** An answer that ends its connection. */
interface Ending {
  readonly status: number;
  readonly body: string;
}

/** Says no, and nothing of why: to the byte the same, whatever the reason. */
export const refusal: Ending = { status: 403, body: '{"message":"Forbidden"}' };

/** Says that it could not be looked into: whoever means well comes again. */
export const unavailable: Ending = { status: 503, body: '{"message":"Unavailable"}' };

export function accept(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "application/json" }).end('{"message":"Accepted"}');
}

export function end(response: ServerResponse, ending: Ending): void {
  response.writeHead(ending.status, headersOf(ending)).end(ending.body);
}

/** Where there is no request to answer to, the same is written by hand; it is over then, whatever the client does. */
export function endSocket(socket: Socket, ending: Ending): void {
  const head = `HTTP/1.1 ${ending.status} ${STATUS_CODES[ending.status]}`;
  const lines = Object.entries(headersOf(ending)).map(([name, value]) => `${name}: ${value}`);
  socket.write([head, ...lines, "", ending.body].join("\r\n"));
  socket.destroySoon();
}

function headersOf({ body }: Ending): Record<string, string> {
  return {
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(body)),
    connection: "close",
    date: new Date().toUTCString(),
  };
}
