/**
 * The HTTP server below the routes. A request that breaks HTTP itself never comes to one: what Node would say to it in
 * its own words is said here as the HTTP contract has it, and the connection is closed.
 */

import { createServer, type RequestListener, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Logger } from "pino";
import type { Refusal } from "../platform/refusal.ts";
import { dataHeaders } from "./data-headers.ts";
import { bodyOf } from "./errors.ts";
import { ExpectationFailed, HeadersTooLarge, MalformedRequest, RequestTimedOut } from "./refusals.ts";
import { requestIdOf } from "./request-id.ts";

/** How long a client may take to send a request, in milliseconds. */
const requestTimeoutMs = 120_000;

/** How often connections are looked through for a client that takes longer, in milliseconds. */
const timeoutCheckMs = 1_000;

/** How long a connection is kept that nothing comes on, in milliseconds: longer than proxies keep theirs. */
const keepAliveMs = 72_000;

/** Why a request is refused, and the status that HTTP has for it. */
interface Told {
  readonly status: number;
  readonly refusal: Refusal;
}

const malformed: Told = { status: 400, refusal: new MalformedRequest() };
const unexpected: Told = { status: 417, refusal: new ExpectationFailed() };

/** By the code of Node's error; all others are malformed. */
const toldOf: Readonly<Record<string, Told>> = {
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, refusal: new RequestTimedOut() },
  HPE_HEADER_OVERFLOW: { status: 431, refusal: new HeadersTooLarge() },
};

/** Makes a server that hands on to `handle` whatever is HTTP. */
export function createHttpServer(handle: RequestListener, log: Logger): Server {
  const options = {
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: timeoutCheckMs,
    keepAliveTimeout: keepAliveMs,
    requireHostHeader: false,
  };
  return createServer(options, (request, response) => {
    // RFC 9112, 3.2.
    if (request.headers.host === undefined && request.httpVersion === "1.1") {
      refuse(response, malformed, requestIdOf(request), log);
    } else {
      handle(request, response);
    }
  })
    .on("checkExpectation", (request, response) => refuse(response, unexpected, requestIdOf(request), log))
    .on("clientError", (error: NodeJS.ErrnoException, stream) => {
      const socket = stream as HttpSocket;
      if (mayBeTold(socket)) {
        socket.write(textOf(toldOf[error.code ?? ""] ?? malformed, requestIdOf({ headers: {} }), log));
      }
      socket.destroySoon();
    });
}

function refuse(response: ServerResponse, told: Told, requestId: string, log: Logger): void {
  const { headers, body } = answerOf(told, requestId, log);
  response.writeHead(told.status, headers).end(body);
}

/** Where there is no request to answer to, the answer is written by hand. */
function textOf(told: Told, requestId: string, log: Logger): string {
  const { headers, body } = answerOf(told, requestId, log);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return [`HTTP/1.1 ${told.status} ${STATUS_CODES[told.status]}`, ...lines, "", body].join("\r\n");
}

function answerOf({ status, refusal }: Told, requestId: string, log: Logger) {
  log.info({ requestId, status, code: refusal.reason }, "Request answered");
  const body = bodyOf(refusal, requestId);
  const headers = {
    ...dataHeaders,
    "x-request-id": requestId,
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(body),
    connection: "close",
  };
  return { headers, body };
}

/** As Node keeps it, who looks there for the same reason. */
interface HttpSocket extends Socket {
  readonly _httpMessage?: ServerResponse | null;
}

/** Whether what is written now would not be taken for the answer to an earlier request, or for a part of it. */
function mayBeTold({ writable, _httpMessage: answering }: HttpSocket): boolean {
  return writable && !answering?.headersSent && !answering?.req.complete;
}
