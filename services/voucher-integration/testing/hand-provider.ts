import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

/** What a provider was asked. */
export interface Asked {
  readonly phoneNumber: string;
  readonly callbackUrl: string;
  /** Its `Idempotency-Key`, as it came. */
  readonly key: string;
  readonly authorization: string | undefined;
  /** How many of this key were under way when it came, itself included. */
  readonly atOnceOfKey: number;
}

/** How one request is answered. */
export type Respond = (asked: Asked, response: ServerResponse, request: IncomingMessage) => unknown;

/** A voucher provider that a test has in its hand. */
export class HandProvider {
  readonly url: string;
  readonly asked: Asked[] = [];
  /** Most requests that were under way at once. */
  mostAtOnce = 0;
  private readonly server: Server;
  private readonly underWay: string[] = [];

  /** Listens on a port that is given, or any. */
  static async start(respond: Respond, port = 0): Promise<HandProvider> {
    const server = createServer().listen(port, "127.0.0.1");
    await once(server, "listening");
    return new HandProvider(server, respond);
  }

  private constructor(server: Server, respond: Respond) {
    this.server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("request", async (request, response) => {
      const key = String(request.headers["idempotency-key"]);
      this.underWay.push(key);
      this.mostAtOnce = Math.max(this.mostAtOnce, this.underWay.length);
      response.once("close", () => this.underWay.splice(this.underWay.indexOf(key), 1));
      const body = (await json(request)) as Pick<Asked, "phoneNumber" | "callbackUrl">;
      const atOnceOfKey = this.underWay.filter((one) => one === key).length;
      const asked = { ...body, key, authorization: request.headers.authorization, atOnceOfKey };
      this.asked.push(asked);
      await respond(asked, response, request);
    });
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

/** Answers so much, as JSON. */
export function send(response: ServerResponse, status: number, body: unknown): void {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  response.writeHead(status, { "content-type": "application/json" }).end(text);
}

export function acknowledgement(challenge: unknown, method: unknown = "S256") {
  const message = "Your request is being processed within 30 seconds";
  return { "t(codeVerifier)": challenge, transformMethod: method, message };
}

export function codeAnswer(voucherCode: unknown) {
  const message = "Thank you for using our services, your voucher code is ready.";
  return { message, status: "SUCCESS", voucherCode };
}
