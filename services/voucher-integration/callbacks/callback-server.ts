/**
 * The one port that the voucher provider knows of. It takes one request, and answers everything else with one refusal: to
 * the byte, and after the same time from when it came. In that time an acknowledgement may still arrive that has crossed
 * its callback.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { Step } from "../domain/code-request.ts";
import { accept, end, endSocket, refusal, unavailable } from "./answers.ts";
import { type CallbackContent, readCallback } from "./callback-content.ts";

/** Where the provider calls back. */
export const callbackPath = "/api/voucher-code/vps/response";

/** The largest body, in bytes. */
const mostBytes = 4 * 1024;

/** How long after it came a request is refused, and looked at once more, in milliseconds. */
const refusedAfterMs = 500;
const lookedAtAgainAfterMs = 400;

/** Requests at once, those included that wait to be refused: what comes beyond is cut off, and may come again. */
const mostAtOnce = 1_000;

/** Slow clients: the headers, and the whole of a request, in milliseconds. */
const headersTimeoutMs = 5_000;
const requestTimeoutMs = 10_000;
const timeoutCheckMs = 1_000;

/** Connections at once. */
const mostConnections = 2_000;

const mostHeaderBytes = 8 * 1024;

const jsonType = /^application\/json *(; *charset="?utf-8"? *)?$/i;

export interface CallbackServerParts {
  readonly take: (content: CallbackContent) => Promise<Step["kind"]>;
  /** Told of every callback. */
  readonly onCallback: (verdict: Verdict) => void;
  readonly log: Logger;
}

export type Verdict = "accepted" | "repeated" | "refused" | "failed";

/** Makes the server, to be listened with. */
export function createCallbackServer(parts: CallbackServerParts): Server {
  const options = {
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: timeoutCheckMs,
    maxHeaderSize: mostHeaderBytes,
    requireHostHeader: false,
  };
  const callbackRequests = new CallbackRequests(parts);
  const handle = (request: IncomingMessage, response: ServerResponse) =>
    void callbackRequests.handle(request, response);
  const server = createServer(options, handle)
    .on("checkExpectation", handle)
    .on("connect", (_, socket) => void callbackRequests.refuseSocket(socket as Socket))
    .on("clientError", (_, socket) => void callbackRequests.refuseSocket(socket as Socket));
  server.maxConnections = mostConnections;
  return server;
}

class CallbackRequests {
  private readonly parts: CallbackServerParts;
  private atOnce = 0;

  constructor(parts: CallbackServerParts) {
    this.parts = parts;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const cameAt = performance.now();
    await this.within(request.socket, async () => {
      const verdict = await this.judge(request, cameAt);
      this.parts.onCallback(verdict);
      if (verdict === "accepted" || verdict === "repeated") return accept(response);
      await until(cameAt, refusedAfterMs);
      return end(response, verdict === "failed" ? unavailable : refusal);
    });
  }

  /** Refuses what is no HTTP, or not to be answered by a response. */
  async refuseSocket(socket: Socket): Promise<void> {
    const cameAt = performance.now();
    await this.within(socket, async () => {
      this.parts.onCallback("refused");
      await until(cameAt, refusedAfterMs);
      if (mayBeTold(socket)) endSocket(socket, refusal);
      else socket.destroy();
    });
  }

  /** Does what is to be done for a client; cuts it off where there are too many, or where it has gone away. */
  private async within(socket: Socket, work: () => Promise<void>): Promise<void> {
    if (this.atOnce >= mostAtOnce) {
      socket.destroy();
      return;
    }
    this.atOnce++;
    try {
      await work();
    } catch {
      socket.destroy();
    } finally {
      this.atOnce--;
    }
  }

  private async judge(request: IncomingMessage, cameAt: number): Promise<Verdict> {
    const bytes = await bodyOf(request);
    const content = bytes && isCallback(request) ? readCallback(bytes) : undefined;
    if (!content) return "refused";
    try {
      const first = await this.parts.take(content);
      if (first !== "left") return verdictOf(first);
      await until(cameAt, lookedAtAgainAfterMs);
      return verdictOf(await this.parts.take(content));
    } catch (error) {
      this.parts.log.error({ err: error }, "a callback could not be looked into");
      return "failed";
    }
  }
}

function verdictOf(kind: Step["kind"]): Verdict {
  switch (kind) {
    case "taken":
      return "accepted";
    case "repeated":
      return "repeated";
    case "left":
      return "refused";
    default:
      return kind satisfies never;
  }
}

function isCallback({ method, url, httpVersion, headers }: IncomingMessage): boolean {
  // RFC 9112, 3.2.
  if (httpVersion === "1.1" && headers.host === undefined) return false;
  if (headers.expect !== undefined && headers.expect.toLowerCase() !== "100-continue") return false;
  return method === "POST" && url === callbackPath && jsonType.test(headers["content-type"] ?? "");
}

/** Undefined where it is too large; what is left of it then is read and forgotten while the client waits. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    length += chunk.length;
    if (length > mostBytes) {
      request.resume();
      return undefined;
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function until(cameAt: number, afterMs: number): Promise<void> {
  const waitMs = cameAt + afterMs - performance.now();
  if (waitMs > 0) await sleep(waitMs);
}

/** As Node keeps it, who looks there for the same reason. */
interface HttpSocket extends Socket {
  readonly _httpMessage?: ServerResponse | null;
}

/** Whether what is written now would not be taken for the answer to an earlier request, or for a part of it. */
function mayBeTold(socket: Socket): boolean {
  const { _httpMessage: answering } = socket as HttpSocket;
  return socket.writable && !answering?.headersSent && !answering?.req.complete;
}
