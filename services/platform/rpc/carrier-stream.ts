import { create, fromBinary } from "@bufbuild/protobuf";
import type { Client, ClientDuplexStream, ServiceError } from "@grpc/grpc-js";
import {
  type CarriedAnswer,
  CarrierService,
  CarryRequestSchema,
} from "../../../gen/giftmesh/common/v1/carrier_service_pb.ts";
import type { Call } from "./call.ts";
import { carriedCallOf } from "./carried-call.ts";
import { encode, pathOf } from "./codec.ts";
import { failureOfCarried } from "./status.ts";

const { carry } = CarrierService.method;

/** A call that is to be carried, and who waits for what comes of it. */
export interface PendingCall {
  readonly path: string;
  readonly request: Uint8Array;
  readonly call: Call;
  /** Given the response's bytes. */
  readonly answer: (response: Uint8Array) => void;
  readonly fail: (error: unknown) => void;
  /** What it travels on, once it has left, and its number there. */
  sent: { readonly stream: CarrierStream; readonly number: number } | undefined;
}

export interface CarrierStreamEvents {
  /** Calls that were not begun, and may be made elsewhere. */
  readonly onReturn: (pending: readonly PendingCall[]) => void;
  /** It can take more, after it could not; or never will. */
  readonly onRoom: () => void;
  /** It takes no more calls. */
  readonly onEnd: (stream: CarrierStream) => void;
}

/** One stream to another process, that many calls travel on. */
export class CarrierStream {
  private readonly stream: ClientDuplexStream<Buffer, Buffer>;
  private readonly events: CarrierStreamEvents;
  private readonly unanswered = new Map<number, PendingCall>();
  private readonly cancelled: number[] = [];
  private lastNumber = 0;
  private isRetired = false;

  constructor(client: Client, events: CarrierStreamEvents) {
    this.events = events;
    this.stream = client.makeBidiStreamRequest(pathOf(carry), same, same);
    this.stream.on("data", (bytes: Buffer) => this.receive(bytes));
    this.stream.on("drain", () => this.events.onRoom());
    this.stream.on("error", (error: ServiceError) => this.fail(error));
    this.stream.on("end", () => this.end());
  }

  /** Whether it takes calls now; if not, it says when it does. */
  get hasRoom(): boolean {
    return !this.isRetired && !this.stream.writableNeedDrain;
  }

  /** Sends calls off together. */
  send(pending: readonly PendingCall[]): void {
    const calls = pending.map((one) => {
      const number = ++this.lastNumber;
      one.sent = { stream: this, number };
      this.unanswered.set(number, one);
      return carriedCallOf(number, one.path, one.request, one.call);
    });
    const cancelled = this.cancelled.splice(0);
    this.stream.write(encode(carry.input, create(CarryRequestSchema, { calls, cancelled })));
  }

  /** Has the other side be told that nobody waits for the answer to a call any more. */
  cancel(number: number): void {
    if (!this.unanswered.delete(number)) return;
    this.cancelled.push(number);
    if (this.cancelled.length === 1) setImmediate(() => this.sendCancelled());
  }

  /** Takes no more calls, and ends once all are answered. */
  retire(): void {
    this.isRetired = true;
    this.endIfDone();
  }

  private sendCancelled(): void {
    if (this.cancelled.length > 0 && this.stream.writable) this.send([]);
    this.endIfDone();
  }

  private receive(bytes: Buffer): void {
    let answers: CarriedAnswer[];
    try {
      ({ answers } = fromBinary(carry.output, bytes));
    } catch (error) {
      this.stream.cancel();
      this.fail(error);
      return;
    }
    for (const answer of answers) this.take(answer);
    this.endIfDone();
  }

  private take({ number, outcome }: CarriedAnswer): void {
    const pending = this.unanswered.get(number);
    if (!pending) return;
    this.unanswered.delete(number);
    switch (outcome.case) {
      case "response":
        pending.answer(outcome.value);
        break;
      case "error":
        pending.fail(failureOfCarried(outcome.value));
        break;
      case undefined:
        // Whoever does not begin one call will not begin others.
        this.leaveService();
        this.giveBack([pending]);
        break;
      default:
        outcome satisfies never;
    }
  }

  private fail(error: unknown): void {
    this.leaveService();
    for (const pending of this.takeUnanswered()) pending.fail(error);
    this.events.onRoom();
  }

  private end(): void {
    this.leaveService();
    this.giveBack(this.takeUnanswered());
    this.retire();
  }

  private leaveService(): void {
    this.isRetired = true;
    this.events.onEnd(this);
  }

  private giveBack(pending: readonly PendingCall[]): void {
    for (const one of pending) one.sent = undefined;
    this.events.onReturn(pending);
  }

  private takeUnanswered(): PendingCall[] {
    const left = [...this.unanswered.values()];
    this.unanswered.clear();
    return left;
  }

  private endIfDone(): void {
    const isDone = this.unanswered.size === 0 && this.cancelled.length === 0;
    if (this.isRetired && isDone && this.stream.writable) this.stream.end();
  }
}

function same(bytes: Buffer): Buffer {
  return bytes;
}
