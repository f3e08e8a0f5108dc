import { create, type DescMethod, type DescService, getOption, hasOption, type Message } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import { http } from "../../../gen/google/api/annotations_pb.ts";
import { streamInSpan } from "../tracing.ts";
import { type Access, accessOf, authorize } from "./access.ts";
import { type BatchRequest, type BatchResponse, isBatch, runBatch } from "./batch-twin.ts";
import type { Call } from "./call.ts";
import { pathOf } from "./codec.ts";
import { withinDeadline } from "./deadline.ts";
import type { Served } from "./handler.ts";
import { failureOf } from "./internal-error.ts";
import type { Invoker } from "./invoker.ts";
import { serverSpan } from "./rpc-spans.ts";
import { validate } from "./validation.ts";

/** Answers a request that came under the same idempotency key before as then; runs it where it is the first. */
export type RunOnce = (
  method: DescMethod,
  request: Message,
  call: Call,
  run: () => Promise<Message>,
) => Promise<Message>;

/** Sees every unary call from outside, to measure and to trace it. May run it in another trace context. */
export type Around = (method: DescMethod, call: Call, run: (call: Call) => Promise<Message>) => Promise<Message>;

type Run = (request: Message, call: Call) => Promise<Message>;
type RunBatch = (request: BatchRequest, call: Call) => Promise<BatchResponse>;
type RunStream = (request: Message, call: Call) => AsyncIterable<Message>;

/** An RPC of this process; `run` holds the request against the proto's rules and hands it to the handler. */
interface Route<R> {
  readonly method: DescMethod;
  readonly access: Access | undefined;
  readonly once: RunOnce | undefined;
  readonly run: R;
}

/**
 * The services of this process, and the one way into their handlers, whoever calls: access rule (public RPCs only) →
 * receipt of the idempotency key → rules of the proto → handler. Throws only Refusals and InternalErrors.
 */
export class Dispatcher implements Invoker {
  private readonly log: Logger;
  private readonly around: Around | undefined;
  private readonly served = new Map<string, DescService>();
  private readonly unaryRoutes = new Map<string, Route<Run>>();
  private readonly streamRoutes = new Map<string, Route<RunStream>>();

  constructor(options: { readonly log: Logger; readonly around?: Around }) {
    this.log = options.log;
    this.around = options.around;
  }

  /** Serves a service from now on. Without a way to run a request once, idempotency keys mean nothing. */
  add({ service, handlers }: Served, options: { readonly once?: RunOnce } = {}): void {
    if (this.serves(service.typeName)) throw new Error(`${service.typeName} is served already`);
    this.served.set(service.typeName, service);
    for (const method of service.methods) {
      const handle: unknown = handlers[method.localName];
      const base = { method, access: accessOf(method), once: isMutating(method) ? options.once : undefined };
      if (method.methodKind === "server_streaming") {
        this.streamRoutes.set(pathOf(method), { ...base, run: validatedStream(method, handle as RunStream) });
      } else if (isBatch(method)) {
        this.unaryRoutes.set(pathOf(method), { ...base, run: validatedByItem(method, handle as RunBatch, this.log) });
      } else {
        this.unaryRoutes.set(pathOf(method), { ...base, run: validated(method, handle as Run) });
      }
    }
  }

  /** Whether a service, by its full name, is served here. */
  serves(typeName: string): boolean {
    return this.served.has(typeName);
  }

  /** All that are served here. */
  get services(): readonly DescService[] {
    return [...this.served.values()];
  }

  unary(method: DescMethod, request: Message, call: Call): Promise<Message> {
    const own = ownOf(call);
    return withinDeadline(own, () => {
      const route = found(this.unaryRoutes, method);
      const run = (inner: Call) => this.answer(route, request, inner);
      return this.around ? this.around(route.method, own, run) : run(own);
    });
  }

  stream(method: DescMethod, request: Message, call: Call): AsyncIterable<Message> {
    return streamInSpan(
      () => serverSpan(method),
      ownOf(call),
      (own) => this.answers(method, request, own),
    );
  }

  private async *answers(method: DescMethod, request: Message, call: Call): AsyncIterable<Message> {
    const { access, run } = found(this.streamRoutes, method);
    try {
      if (access) authorize(access, call.caller, request);
      yield* run(request, call);
    } catch (error) {
      throw failureOf(error, pathOf(method), call, this.log);
    }
  }

  private async answer(route: Route<Run>, request: Message, call: Call): Promise<Message> {
    const { method, access, once, run } = route;
    try {
      if (access) authorize(access, call.caller, request);
      if (once && call.idempotencyKey) return await once(method, request, call, () => run(request, call));
      return await run(request, call);
    } catch (error) {
      throw failureOf(error, pathOf(method), call, this.log);
    }
  }
}

function validated({ input, output }: DescMethod, handle: Run): Run {
  return async (request, call) => {
    validate(input, request);
    return create(output, await handle(request, call));
  };
}

function validatedByItem(method: DescMethod, handle: RunBatch, log: Logger): Run {
  return async (request, call) => {
    const tell = (error: unknown) => failureOf(error, pathOf(method), call, log);
    const batch = request as Message & BatchRequest;
    const response: object = await runBatch(method.input, batch, (valid) => handle(valid, call), tell);
    return create(method.output, response as Message);
  };
}

function validatedStream({ input, output }: DescMethod, handle: RunStream): RunStream {
  return async function* (request, call) {
    validate(input, request);
    for await (const answer of handle(request, call)) yield create(output, answer);
  };
}

/** The receipt of the call that led to this one is that one's own. */
function ownOf(call: Call): Call {
  return call.receipt ? call.with({}) : call;
}

/** Whether an RPC is public and has effects. */
function isMutating(method: DescMethod): boolean {
  return hasOption(method, http) && getOption(method, http).pattern.case !== "get";
}

function found<R>(routes: ReadonlyMap<string, R>, method: DescMethod): R {
  const route = routes.get(pathOf(method));
  if (!route) throw new Error(`${pathOf(method)} is not served in this process`);
  return route;
}
