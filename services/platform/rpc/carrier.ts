import type { Client } from "@grpc/grpc-js";
import { Unavailable } from "../refusal.ts";
import type { Call } from "./call.ts";
import { CarrierStream, type PendingCall } from "./carrier-stream.ts";
import { DeadlineExceeded } from "./deadline.ts";
import { takeLoad } from "./loads.ts";

/** Calls take turns on so many streams: where a service has several replicas, these lead to different ones. */
const mostStreams = 4;

/** How long a stream takes calls, in milliseconds: then a new one may lead to a replica that has come meanwhile. */
const takesCallsForMs = 10_000;

/** The most calls that wait to leave or to be answered; one more is refused. */
const mostUnanswered = 10_000;

/**
 * Carries unary calls to another process. All that are made in one turn of the event loop travel together, and are
 * answered each on its own: that costs a fraction of what an RPC for each does, and nothing where there is but one.
 */
export class Carrier {
  private readonly client: Client;
  private readonly streams: { readonly stream: CarrierStream; readonly since: number }[] = [];
  private readonly waiting = new Set<PendingCall>();
  private unanswered = 0;
  private isLeaving = false;
  private isClosed = false;

  constructor(client: Client) {
    this.client = client;
  }

  /**
   * Carries a call to an RPC; `request` is its request's bytes, and the answer the response's. Rejects with what the
   * service has thrown, with grpc-js's error where it cannot be reached, and with Unavailable where too many calls wait or
   * the caller has gone away.
   */
  carry(path: string, request: Uint8Array, call: Call): Promise<Uint8Array> {
    if (this.unanswered >= mostUnanswered) return Promise.reject(new Unavailable());
    const { cancelled } = call;
    if (cancelled?.aborted) return Promise.reject(new Unavailable());
    this.unanswered++;
    return new Promise((resolve, reject) => {
      const settle = () => {
        this.unanswered--;
        cancelled?.removeEventListener("abort", cancel);
      };
      const pending: PendingCall = {
        path,
        request,
        call,
        sent: undefined,
        answer: (response) => {
          settle();
          resolve(response);
        },
        fail: (error) => {
          settle();
          reject(error);
        },
      };
      const cancel = () => this.cancel(pending);
      cancelled?.addEventListener("abort", cancel);
      this.enqueue([pending]);
    });
  }

  /** Lets calls be answered that have left, and takes no more. */
  close(): void {
    this.isClosed = true;
    for (const { stream } of this.streams.splice(0)) stream.retire();
    this.refuse(this.waiting);
  }

  private cancel(pending: PendingCall): void {
    this.waiting.delete(pending);
    pending.sent?.stream.cancel(pending.sent.number);
    pending.fail(new Unavailable());
  }

  private enqueue(calls: readonly PendingCall[]): void {
    if (this.isClosed) {
      this.refuse(calls);
      return;
    }
    for (const one of calls) this.waiting.add(one);
    if (this.isLeaving || this.waiting.size === 0) return;
    this.isLeaving = true;
    setImmediate(() => this.leave());
  }

  private refuse(calls: Iterable<PendingCall>): void {
    for (const one of calls) {
      this.waiting.delete(one);
      one.fail(new Unavailable());
    }
  }

  private leave(): void {
    this.isLeaving = false;
    for (const one of this.waiting) {
      if (one.call.remainingMs > 0) continue;
      this.waiting.delete(one);
      one.fail(new DeadlineExceeded());
    }
    while (this.waiting.size > 0) {
      const stream = this.nextStream();
      // Those that wait for room leave together when there is some.
      if (!stream) return;
      stream.send(takeLoad(this.waiting, ({ request }) => request.length));
    }
  }

  /** The stream whose turn it is, and that has room; undefined where none has. */
  private nextStream(): CarrierStream | undefined {
    this.retireOld();
    if (this.streams.length < mostStreams) return this.open();
    const index = this.streams.findIndex(({ stream }) => stream.hasRoom);
    const [next] = index < 0 ? [] : this.streams.splice(index, 1);
    if (next) this.streams.push(next);
    return next?.stream;
  }

  private open(): CarrierStream {
    const stream = new CarrierStream(this.client, {
      onReturn: (calls) => this.enqueue(calls),
      onRoom: () => this.enqueue([]),
      onEnd: (ended) => this.forget(ended),
    });
    this.streams.push({ stream, since: performance.now() });
    return stream;
  }

  private retireOld(): void {
    const oldest = performance.now() - takesCallsForMs;
    for (const { stream } of this.streams.filter(({ since }) => since < oldest)) {
      this.forget(stream);
      stream.retire();
    }
  }

  private forget(ended: CarrierStream): void {
    const index = this.streams.findIndex(({ stream }) => stream === ended);
    if (index >= 0) this.streams.splice(index, 1);
  }
}
