import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** A callback, as it came. */
export interface ReceivedCallback {
  readonly text: string;
  /** By `performance.now`. */
  readonly at: number;
}

/** Somebody who is called back. */
export class CallbackReceiver {
  readonly url: string;
  /** In order of arrival. */
  readonly received: ReceivedCallback[] = [];
  /** What it answers from now on; 0: it breaks the connection. */
  status = 200;
  private readonly server: Server;

  static async start(): Promise<CallbackReceiver> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new CallbackReceiver(server);
  }

  private constructor(server: Server) {
    this.server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/called-back`;
    server.on("request", async (request, response) => {
      this.received.push({ text: await text(request), at: performance.now() });
      if (this.status === 0) request.socket.destroy();
      else response.writeHead(this.status).end();
    });
  }

  /** What came, as JSON. */
  get bodies(): Record<string, unknown>[] {
    return this.received.map((one) => JSON.parse(one.text));
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}
