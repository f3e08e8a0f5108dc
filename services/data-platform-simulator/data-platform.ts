import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Behaviour, goodBehaviour, readBehaviour } from "./behaviour.ts";
import { EventLog, type TakenEvent } from "./event-log.ts";
import { isSigned } from "./signature.ts";

/** The largest body, in bytes. */
const mostBytes = 1024 * 1024;

export interface DataPlatformOptions {
  /** 0 is any free one. */
  readonly port: number;
  /** What requests are signed with: `whsec_` and base64, or the bytes themselves. */
  readonly secret: string | Uint8Array;
  readonly host?: string;
  /** Told of every event that is taken, and of every repeat. */
  readonly onEvent?: (event: TakenEvent) => void;
}

/** The stand-in of the data platform, running. */
export interface DataPlatform {
  /** Where events are sent to, by POST. */
  readonly url: string;
  readonly port: number;
  /** What it has, in order of arrival. */
  readonly events: readonly TakenEvent[];
  /** Has it behave so from now on; whatever is not named, well. */
  behave(behaviour: Partial<Behaviour>): void;
  /** Has it lose what it has. */
  forget(): void;
  stop(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly json?: unknown;
}

/**
 * Stands in for the data platform, in development and tests: takes signed events at `POST /`, each once by its
 * `webhook-id`, and shows them at `GET /events`. `PUT /behaviour` has it misbehave.
 */
export async function startDataPlatform(options: DataPlatformOptions): Promise<DataPlatform> {
  const { port, host = "127.0.0.1", onEvent = () => undefined } = options;
  const secret = bytesOf(options.secret);
  const log = new EventLog();
  let behaviour = goodBehaviour;

  const take = async (request: IncomingMessage): Promise<Answer> => {
    const { failureRate, delayMs, status } = behaviour;
    const body = await bodyOf(request);
    if (!body) return problem(413, "The body is larger than 1 MB");
    if (!isSigned(request.headers, body, secret)) return problem(401, "The signature is not right");
    if (delayMs > 0) await sleep(delayMs);
    if (status !== undefined && status >= 300) return problem(status, "Told to");
    const fails = Math.random() < failureRate;
    if (fails && Math.random() < 0.5) return problem(500, "Failed before it was taken");
    const event = log.take(String(request.headers["webhook-id"]), body);
    if (!event) return problem(400, "The body is not an event");
    onEvent(event);
    return fails ? problem(500, "Failed after it was taken") : { status: status ?? 204 };
  };

  const change = async (request: IncomingMessage): Promise<Answer> => {
    const body = await bodyOf(request);
    if (!body) return problem(413, "The body is larger than 1 MB");
    const read = readBehaviour(body.toString("utf8"));
    if (!read) return problem(422, "failure_rate is 0 to 1, delay_ms 0 to 600000, status 200 to 599 or null");
    behaviour = read;
    return { status: 204 };
  };

  const answer = async (request: IncomingMessage): Promise<Answer> => {
    switch (`${request.method} ${request.url}`) {
      case "POST /":
        return take(request);
      case "GET /events":
        return { status: 200, json: log.list() };
      case "PUT /behaviour":
        return change(request);
      default:
        return problem(404, "There are POST /, GET /events and PUT /behaviour");
    }
  };

  const server = createServer(async (request, response) => {
    try {
      send(response, await answer(request));
    } catch {
      // The other side has gone away.
      response.destroy();
    }
  }).listen(port, host);
  await once(server, "listening");
  const address = server.address() as AddressInfo;
  return {
    url: `http://${host}:${address.port}/`,
    port: address.port,
    get events() {
      return log.list();
    },
    behave: (changes) => {
      behaviour = { ...goodBehaviour, ...changes };
    },
    forget: () => log.clear(),
    stop: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function problem(status: number, message: string): Answer {
  return { status, json: { message } };
}

function send(response: ServerResponse, { status, json }: Answer): void {
  // The rest of a body that is too large is not read.
  if (status === 413) response.setHeader("connection", "close");
  if (json === undefined || status === 204 || status === 304) {
    response.writeHead(status).end();
    return;
  }
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(json));
}

/** Undefined where it is too large. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    length += chunk.length;
    if (length > mostBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function bytesOf(secret: string | Uint8Array): Uint8Array {
  return typeof secret === "string" ? Buffer.from(secret.replace(/^whsec_/, ""), "base64") : secret;
}
