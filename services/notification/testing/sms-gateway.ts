import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

/** A request that came to the gateway. */
export interface ReceivedSms {
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

/** The world's SMS gateway, as far as a test needs it. */
export interface SmsGateway {
  readonly url: string;
  readonly received: readonly ReceivedSms[];
  /** What it answers; 202 at first. */
  status: number;
  close(): void;
}

export async function startSmsGateway(): Promise<SmsGateway> {
  const received: ReceivedSms[] = [];
  const server = createServer(async (request, response) => {
    received.push({ headers: request.headers, body: await json(request) });
    response.writeHead(gateway.status).end("ok");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const gateway: SmsGateway = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/sms`,
    received,
    status: 202,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
  return gateway;
}
