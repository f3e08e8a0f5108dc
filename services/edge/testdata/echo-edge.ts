import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createRequire } from "node:module";
import { setTimeout } from "node:timers/promises";
import { create, createFileRegistry, type FileRegistry, fromBinary, type Message } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { pino } from "pino";
import { type Caller, CallerSchema, Role } from "../../../gen/giftmesh/common/v1/access_pb.ts";
import { readConfig } from "../../platform/config.ts";
import { NotFound, Refusal, type RefusalKind, Unauthenticated } from "../../platform/refusal.ts";
import type { Call } from "../../platform/rpc/call.ts";
import { Dispatcher } from "../../platform/rpc/dispatcher.ts";
import type { Served } from "../../platform/rpc/handler.ts";
import type { TokenVerifier } from "../../platform/token-verifier.ts";
import { createEdge, type EdgeOptions } from "../edge.ts";

/** Where this repository is. */
export const repository = new URL("../../..", import.meta.url).pathname;
const buf = createRequire(import.meta.url).resolve("@bufbuild/buf/bin/buf");

/** Compiles proto files with their comments: those in a directory of a workspace, and the others in its `proto/`. */
export function compileProto(directory: string, workspace = repository): FileRegistry {
  const config = JSON.stringify({ version: "v2", modules: [{ path: "proto" }, { path: directory }] });
  const set = execFileSync(process.execPath, [buf, "build", ".", "--config", config, "-o", "-#format=binpb"], {
    cwd: workspace,
    maxBuffer: 1 << 26,
    stdio: ["ignore", "pipe", "pipe"],
  });
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, set));
}

/** What `testdata/` describes. */
export const echoRegistry = compileProto("services/edge/testdata");

/** A message type of `testdata/`. */
export function echoMessage(name: string) {
  const type = echoRegistry.getMessage(`echo.v1.${name}`);
  if (!type) throw new Error(`No message ${name}`);
  return type;
}

/** Tokens that have been looked up. */
export const lookedUp: string[] = [];

/**
 * `user-17`, `vendor-17`, `admin-17` and `super_admin-17` are good tokens, and no others are. Those that begin with `new-`
 * must be looked up: `new-user-17` is found, `new-x` is not.
 */
const tokens: TokenVerifier = {
  verify(token: string, beforeLookUp?: () => void): Caller | Promise<Caller> {
    if (token.startsWith("new-")) return lookUp(token.slice(4), beforeLookUp);
    const [, role = "", id = "0"] = /^([a-z_]+)-([0-9]+)$/.exec(token) ?? [];
    const found = Role[role.toUpperCase() as keyof typeof Role];
    if (!found) throw new Unauthenticated();
    const caller = create(CallerSchema, { userId: BigInt(id), role: found, username: role });
    return id.endsWith("7") ? caller : Promise.resolve(caller);
  },
};

async function lookUp(token: string, beforeLookUp?: () => void): Promise<Caller> {
  beforeLookUp?.();
  lookedUp.push(token);
  await setTimeout(5);
  return tokens.verify(token);
}

type Fields = Record<string, unknown>;
type Handler = (request: Message & Fields, call: Call) => unknown;

/** Calls that a handler has begun with, by their request ids. */
const begun = new Set<string>();
/** What tells a stream's handler that its client went away, by the request's id. */
const signals = new Map<string, AbortSignal | undefined>();
/** Calls whose client went away, by their request ids. */
const cancelled = new Set<string>();

/** Whether a handler has begun with a call. */
export const hasBegun = (requestId: string) => begun.has(requestId);
/** Resolves once a handler has begun with a call. */
export const whenBegun = (requestId: string) => until(() => hasBegun(requestId));
/** What tells the handler of a stream that its client went away. */
export const signalOf = (requestId: string) => signals.get(requestId);
/** Whether a handler knows that a call's client went away. */
export const isCancelled = (requestId: string) => cancelled.has(requestId);
/** Resolves once a handler knows that its client went away. */
export const whenCancelled = (requestId: string) => until(() => cancelled.has(requestId));

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await setTimeout(5);
}

const handlers: Record<string, Handler> = {
  echo: async ({ id, amount, everything }) => ({
    everything: { ...(everything as Fields), id, ...(amount ? { text: amount } : {}) },
  }),
  search: async (request) => ({
    things: [request],
    pageInfo: { currentPage: 1, perPage: 20, total: 1n, lastPage: 1 },
  }),
  clear: async () => ({}),
  describe: async ({ waitMs }, call) => {
    begun.add(call.requestId);
    call.cancelled?.addEventListener("abort", () => cancelled.add(call.requestId));
    await setTimeout(waitMs as number);
    const { caller, requestId, idempotencyKey, remainingMs } = call;
    return { caller, requestId, remainingMs: BigInt(remainingMs), ...(idempotencyKey && { idempotencyKey }) };
  },
  await: async ({ waitMs }, { caller, requestId, remainingMs, cancelled: signal }) => {
    begun.add(requestId);
    await setTimeout(waitMs as number, undefined, signal && { signal }).catch(() => cancelled.add(requestId));
    return { caller, requestId, remainingMs: BigInt(remainingMs) };
  },
  getBare: async () => ({ names: ["a"] }),
  getPicture: async ({ name }) => {
    if (name === "none") throw new NotFound("Picture");
    return { contentType: "image/test", data: new Uint8Array(Buffer.from(`\0picture ${name}`)) };
  },
  download: async () => ({ contentType: "text/csv; charset=utf-8", data: new Uint8Array(Buffer.from("code\r\n")) }),
  listNews: async ({ about }) => ({ news: [`News of ${about}`] }),
  upload: async (request) => {
    const { folder, title, isActive, tags, backImage } = request;
    const front = request.frontImage as Uint8Array;
    return {
      folder,
      title,
      isActive,
      tags,
      frontBytes: front.length,
      frontDigest: createHash("sha256").update(front).digest("hex"),
      otherBytes: (request.others as Uint8Array[]).map(({ length }) => length),
      ...(backImage ? { backImage } : {}),
    };
  },
  watch: async function* ({ count, ending, padding }, call) {
    signals.set(call.requestId, call.cancelled);
    try {
      for (let number = 1; number <= (count as number); number++) {
        yield { tick: { number, padding: "x".repeat(padding as number) } };
      }
      if (ending === "refuse") throw new Refusal("rule", { reason: "TICKED_OUT", message: "No more ticks" });
      if (ending === "fail") throw new Error("The clock is broken");
      if (ending === "stay" && call.cancelled) await once(call.cancelled, "abort");
    } finally {
      if (call.cancelled?.aborted) cancelled.add(call.requestId);
    }
  },
  fail: async ({ how }) => {
    if (!(how as string).match(/^(invalid|unauth|forb|not_found|rule|conflict|too_many|unavail)/))
      throw new Error("Oops");
    throw new Refusal(how as RefusalKind, {
      reason: "TEST_REFUSAL",
      message: "Refused, for a test",
      ...(how === "invalid" && {
        fields: [
          { field: "items.0.name", description: "Bad." },
          { field: "items.0.name", description: "Too bad." },
          { field: "how", description: "Wrong." },
        ],
      }),
      ...((how === "too_many" || how === "unavailable") && { retryAfterSeconds: 6.5 }),
      ...(how === "conflict" && { requestId: "the-first-request" }),
    });
  },
  develop: async () => ({}),
  hide: async () => ({}),
};

/** A log that keeps its lines. */
export function createLog(): { log: EdgeOptions["log"]; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: "debug" }, { write: (line) => void lines.push(JSON.parse(line)) });
  return { log, lines };
}

/** Starts an edge with the services of `testdata/` behind it, on a free port. */
export async function startEchoEdge(overrides: Partial<EdgeOptions["config"]> = {}, ready = () => true) {
  const { log, lines } = createLog();
  const dispatcher = new Dispatcher({ log });
  for (const name of ["EchoService", "InternalService"]) {
    const service = echoRegistry.getService(`echo.v1.${name}`);
    if (service) dispatcher.add({ service, handlers: handlers as unknown as Served["handlers"] });
  }
  const plenty = { admin: 1e9, user: 1e9, vendor: 1e9, anonymous: 1e9 };
  const edge = await createEdge({
    config: { ...readConfig({}), edgePort: 0, ratePerMinute: plenty, ...overrides },
    registry: echoRegistry,
    invoker: dispatcher,
    tokens,
    log,
    ready,
    metrics: () => "up 1\n",
  });
  const url = await edge.start();
  return { url, lines, stop: () => edge.stop() };
}

/** Sends a request to an edge; a body that is an object goes as JSON. */
export function send(base: URL, verb: string, path: string, options: SendOptions = {}): Promise<Response> {
  const { token, body, headers = {}, signal } = options;
  const isJson = body !== undefined && (typeof body === "string" || Object.getPrototypeOf(body) === Object.prototype);
  return fetch(new URL(path, base), {
    method: verb,
    headers: {
      ...(isJson && { "content-type": "application/json" }),
      ...(token && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body !== undefined && {
      body: isJson && typeof body === "object" ? JSON.stringify(body) : (body as NonNullable<RequestInit["body"]>),
    }),
    ...(signal && { signal }),
  });
}

export interface SendOptions {
  readonly token?: string;
  readonly body?: string | object;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}
