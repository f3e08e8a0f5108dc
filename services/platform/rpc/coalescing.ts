import { create, type DescMethod, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import { Unavailable } from "../refusal.ts";
import { settledWithin } from "../waiting.ts";
import { type BatchResponse, batchOf } from "./batch-twin.ts";
import { Call } from "./call.ts";
import { withinDeadline } from "./deadline.ts";
import { InternalError } from "./internal-error.ts";
import type { Invoker } from "./invoker.ts";
import { refusalOf } from "./status.ts";

/** The most calls that leave together: what a batch twin takes. */
const largestBatch = 1_000;

/** The most calls that wait; one more is refused. */
const mostWaiting = 10_000;

/** How long a batch may be in flight until the next leaves all the same, in milliseconds: it may go to another replica. */
const patienceMs = 500;

/**
 * Calls a service in another process, and hot RPCs, those with a batch twin, together: while one batch is in flight,
 * the calls that arrive wait, half a second at most, and leave as the next. Where none is, a call leaves at once and alone.
 */
export class CoalescingInvoker implements Invoker {
  private readonly remote: Invoker;
  private readonly queues = new Map<DescMethod, CallQueue | undefined>();

  constructor(remote: Invoker) {
    this.remote = remote;
  }

  unary(method: DescMethod, request: Message, call: Call): Promise<Message> {
    const queue = this.queueOf(method);
    return queue ? queue.call(request, call) : this.remote.unary(method, request, call);
  }

  stream(method: DescMethod, request: Message, call: Call): AsyncIterable<Message> {
    return this.remote.stream(method, request, call);
  }

  private queueOf(method: DescMethod): CallQueue | undefined {
    if (this.queues.has(method)) return this.queues.get(method);
    const batch = batchOf(method);
    const queue = batch && new CallQueue(method, batch, this.remote);
    this.queues.set(method, queue);
    return queue;
  }
}

interface Waiting {
  readonly request: Message;
  readonly call: Call;
  resolve(response: Message): void;
  reject(error: unknown): void;
}

/** The calls of one RPC. */
class CallQueue {
  private readonly method: DescMethod;
  private readonly batch: DescMethod;
  private readonly remote: Invoker;
  private readonly waiting: Waiting[] = [];
  private isSending = false;

  constructor(method: DescMethod, batch: DescMethod, remote: Invoker) {
    this.method = method;
    this.batch = batch;
    this.remote = remote;
  }

  async call(request: Message, call: Call): Promise<Message> {
    if (this.waiting.length >= mostWaiting) throw new Unavailable();
    return withinDeadline(call, () => {
      const { promise, resolve, reject } = Promise.withResolvers<Message>();
      this.waiting.push({ request, call, resolve, reject });
      if (!this.isSending) this.sendAll();
      return promise;
    });
  }

  private async sendAll(): Promise<void> {
    this.isSending = true;
    while (this.waiting.length > 0) {
      // Those past their deadline have been refused already.
      const leaving = this.waiting.splice(0, largestBatch).filter(({ call }) => call.remainingMs > 0);
      const [first] = leaving;
      if (!first) continue;
      await settledWithin(
        patienceMs,
        leaving.length === 1 ? this.sendAlone(first) : this.sendTogether(leaving, first.call),
      );
    }
    this.isSending = false;
  }

  private async sendAlone({ request, call, resolve, reject }: Waiting): Promise<void> {
    await this.remote.unary(this.method, request, call).then(resolve, reject);
  }

  private async sendTogether(leaving: readonly Waiting[], first: Call): Promise<void> {
    try {
      const requests = leaving.map(({ request }) => request);
      const batch = create(this.batch.input, { requests } as MessageInitShape<DescMethod["input"]>);
      const answer: unknown = await this.remote.unary(this.batch, batch, callForAll(leaving, first));
      const { results } = answer as BatchResponse<Message>;
      if (results.length !== leaving.length) throw new InternalError();
      for (const [index, { outcome }] of results.entries()) {
        const one = leaving[index];
        if (outcome.case === "response") one?.resolve(outcome.value);
        else one?.reject(refusalOf(outcome.value));
      }
    } catch (error) {
      for (const { reject } of leaving) reject(error);
    }
  }
}

/** Batch twins are internal RPCs: they do not ask who calls, so callers of all kinds go together. */
function callForAll(leaving: readonly Waiting[], { requestId, trace }: Call): Call {
  return new Call({ requestId, trace, deadline: Math.max(...leaving.map(({ call }) => call.deadline)) });
}
