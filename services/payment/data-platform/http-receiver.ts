import * as http from "node:http";
import * as https from "node:https";
import type { Socket } from "node:net";
import { type Answer, type Delivery, idOf } from "./delivery.ts";
import type { Receiver } from "./receiver.ts";
import { signatureHeaders } from "./signature.ts";

/** How long the platform may take to answer, in milliseconds. */
const usualPatienceMs = 10_000;

/** How much of an answer is read, in bytes: the start of it says why. */
const mostRead = 1_024;

/** Answers that say "not now": too many requests, or whoever stands before the platform does not reach it. */
const notNow: ReadonlySet<number> = new Set([429, 502, 503, 504]);

export interface HttpReceiverOptions {
  /** A user and password in it are sent as Basic authentication (RFC 7617). */
  readonly url: string;
  /** What requests are signed with. */
  readonly secret: Uint8Array;
  readonly patienceMs?: number;
}

/** An attempt on a connection that was kept, and that the other side had closed meanwhile. */
interface Stale {
  readonly kind: "stale";
}

/** The data platform, by HTTP: any 2xx takes a delivery. Redirects are not followed: what is signed is for one address. */
export class HttpReceiver implements Receiver {
  private readonly url: URL;
  private readonly secret: Uint8Array;
  private readonly patienceMs: number;
  private readonly protocol: typeof http | typeof https;
  private readonly connections: http.Agent;
  private readonly underWay = new Set<http.ClientRequest>();

  constructor({ url, secret, patienceMs = usualPatienceMs }: HttpReceiverOptions) {
    this.url = new URL(url);
    this.secret = secret;
    this.patienceMs = patienceMs;
    this.protocol = this.url.protocol === "https:" ? https : http;
    this.connections = new this.protocol.Agent({ keepAlive: true });
  }

  async take(delivery: Delivery): Promise<Answer> {
    const answer = await this.attempt(delivery, this.connections);
    if (answer.kind !== "stale") return answer;
    const again = await this.attempt(delivery, false);
    return again.kind === "stale" ? unreachable("the connection was closed") : again;
  }

  abandon(): void {
    for (const request of this.underWay) request.destroy(new Abandoned());
    this.connections.destroy();
  }

  private async attempt(delivery: Delivery, agent: http.Agent | false): Promise<Answer | Stale> {
    const request = this.protocol.request(this.url, { method: "POST", agent, headers: this.headersOf(delivery) });
    const timer = setTimeout(() => request.destroy(new TimedOut(this.patienceMs)), this.patienceMs);
    this.underWay.add(request);
    try {
      return await converse(request, delivery.body);
    } finally {
      clearTimeout(timer);
      this.underWay.delete(request);
    }
  }

  private headersOf(delivery: Delivery): http.OutgoingHttpHeaders {
    const { body } = delivery;
    return {
      "content-type": "application/json",
      "content-length": body.length,
      "user-agent": "giftmesh",
      ...signatureHeaders(idOf(delivery), Math.floor(Date.now() / 1_000), body, this.secret),
    };
  }
}

class TimedOut extends Error {
  constructor(patienceMs: number) {
    super(`no answer within ${patienceMs / 1_000} s`);
  }
}

class Abandoned extends Error {}

class Unanswered extends Error {
  constructor() {
    super("the request has ended without an answer");
  }
}

function converse(request: http.ClientRequest, body: Uint8Array): Promise<Answer | Stale> {
  let isConnected = false;
  request.once("socket", (socket: Socket) => {
    isConnected = !socket.connecting;
    if (isConnected) return;
    socket.once("encrypted" in socket ? "secureConnect" : "connect", () => {
      isConnected = true;
    });
  });
  return new Promise((resolve) => {
    request.once("response", (response) => resolve(answerTo(response)));
    // There may be another error after an answer that was cut short.
    request.on("error", (error) => resolve(answerToFailure(error, isConnected, request.reusedSocket)));
    // Node ends a request that is to change its protocol without an answer, and without an error.
    request.on("close", () => resolve(answerToFailure(new Unanswered(), isConnected, request.reusedSocket)));
    request.end(body);
  });
}

async function answerTo(response: http.IncomingMessage): Promise<Answer> {
  // What was answered stands, even if the rest of it does not come.
  const text = await startOf(response).catch(() => "");
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return { kind: "taken" };
  const error = `${status} ${text}`.trim();
  return notNow.has(status) ? { kind: "overloaded", error } : { kind: "refused", error };
}

function answerToFailure(error: NodeJS.ErrnoException, isConnected: boolean, wasKept: boolean): Answer | Stale {
  // Where a host has several addresses, the error has a code and no message.
  const text = error.message || error.code || error.name;
  if (!isConnected || error instanceof Abandoned) return unreachable(text);
  if (wasKept && (error.code === "ECONNRESET" || error.code === "EPIPE")) return { kind: "stale" };
  return { kind: "overloaded", error: text };
}

function unreachable(error: string): Answer {
  return { kind: "unreachable", error };
}

async function startOf(response: http.IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  // An answer that is read to its end leaves the connection to the next request; leaving before closes it.
  for await (const chunk of response) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= mostRead) break;
  }
  return Buffer.concat(chunks).subarray(0, mostRead).toString("utf8");
}
