import { create, fromBinary } from "@bufbuild/protobuf";
import { type ServerDuplexStream, type StatusObject, status } from "@grpc/grpc-js";
import {
  type CarriedAnswer,
  CarriedAnswerSchema,
  type CarriedCall,
  CarrierService,
  type CarryRequest,
  CarryResponseSchema,
} from "../../../gen/giftmesh/common/v1/carrier_service_pb.ts";
import { Unavailable } from "../refusal.ts";
import { encode } from "./codec.ts";
import { takeLoad } from "./loads.ts";
import { statusOf } from "./status.ts";

const { carry } = CarrierService.method;

/** The most calls of one stream that are under way; one more is refused. */
const mostRunning = 10_000;

export type CarriedOutcome = CarriedAnswer["outcome"];

/** Answers one call. Never throws. The signal is made when it is first asked for. */
export type AnswerCarried = (carried: CarriedCall, cancelled: () => AbortSignal) => Promise<CarriedOutcome>;

const notBegun: CarriedOutcome = { case: undefined };

/** What is known of a call under way: its caller may go away before or after anybody wants to be told. */
interface Running {
  isCancelled: boolean;
  controller: AbortController | undefined;
}

/** The other end of a stream that carries calls: begins each as it comes, and sends answers off as they come. */
export class CarriedCalls {
  private readonly stream: ServerDuplexStream<Buffer, Buffer>;
  private readonly answerCall: AnswerCarried;
  private readonly running = new Map<number, Running>();
  private readonly answers = new Set<CarriedAnswer>();
  private isLeaving = false;
  private isClosing = false;

  constructor(stream: ServerDuplexStream<Buffer, Buffer>, answerCall: AnswerCarried) {
    this.stream = stream;
    this.answerCall = answerCall;
    stream.on("data", (bytes: Buffer) => this.receive(bytes));
    stream.on("drain", () => this.leave());
    stream.on("end", () => this.close());
    stream.on("cancelled", () => this.cancelAll());
  }

  /** Begins no more calls, and ends the stream once all are answered. */
  close(): void {
    this.isClosing = true;
    this.endIfDone();
  }

  private receive(bytes: Buffer): void {
    let request: CarryRequest;
    try {
      request = fromBinary(carry.input, bytes);
    } catch {
      const details = `The request is not a ${carry.input.typeName}`;
      this.stream.emit("error", { code: status.INVALID_ARGUMENT, details } satisfies Partial<StatusObject>);
      return;
    }
    for (const one of request.calls) this.begin(one);
    for (const number of request.cancelled) this.cancel(number);
  }

  private begin(carried: CarriedCall): void {
    const { number } = carried;
    if (this.isClosing) {
      this.send(number, notBegun);
      return;
    }
    if (this.running.size >= mostRunning) {
      this.send(number, { case: "error", value: statusOf(new Unavailable()) });
      return;
    }
    const running: Running = { isCancelled: false, controller: undefined };
    this.running.set(number, running);
    this.answerCall(carried, () => signalOf(running)).then((outcome) => {
      if (this.running.delete(number)) this.send(number, outcome);
    });
  }

  private cancel(number: number): void {
    const running = this.running.get(number);
    if (!running) return;
    this.running.delete(number);
    running.isCancelled = true;
    running.controller?.abort();
    this.endIfDone();
  }

  private cancelAll(): void {
    for (const number of this.running.keys()) this.cancel(number);
  }

  private send(number: number, outcome: CarriedOutcome): void {
    const answer = create(CarriedAnswerSchema);
    answer.number = number;
    answer.outcome = outcome;
    this.answers.add(answer);
    if (this.isLeaving) return;
    this.isLeaving = true;
    setImmediate(() => this.leave());
  }

  private leave(): void {
    this.isLeaving = false;
    // Those that wait for room leave together when there is some.
    while (this.answers.size > 0 && this.stream.writable && !this.stream.writableNeedDrain) {
      const answers = takeLoad(this.answers, bytesOf);
      this.stream.write(encode(carry.output, create(CarryResponseSchema, { answers })));
    }
    this.endIfDone();
  }

  private endIfDone(): void {
    if (this.isClosing && this.running.size === 0 && this.answers.size === 0 && this.stream.writable) {
      this.stream.end();
    }
  }
}

function bytesOf({ outcome }: CarriedAnswer): number {
  return outcome.case === "response" ? outcome.value.length : 0;
}

function signalOf(running: Running): AbortSignal {
  running.controller ??= new AbortController();
  if (running.isCancelled) running.controller.abort();
  return running.controller.signal;
}
