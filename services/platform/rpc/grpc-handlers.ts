import { once } from "node:events";
import { create, type DescMethod, fromBinary, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type Server,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import type { Logger } from "pino";
import { type CarriedCall, CarrierService } from "../../../gen/giftmesh/common/v1/carrier_service_pb.ts";
import { StatusSchema } from "../../../gen/google/rpc/status_pb.ts";
import { MalformedMessage, Unauthenticated, Unavailable } from "../refusal.ts";
import { Call } from "./call.ts";
import { readCarriedCall } from "./carried-call.ts";
import { CarriedCalls, type CarriedOutcome } from "./carried-calls.ts";
import { maxMessageBytes } from "./channel.ts";
import { encode, pathOf } from "./codec.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { type IncomingCall, isOfTheMesh, readCall, type Trust } from "./incoming-call.ts";
import { failureOf } from "./internal-error.ts";
import { readRequestId, usableRequestId } from "./metadata.ts";
import { grpcStatusOf, statusOf } from "./status.ts";
import { waitsForNews } from "./timeouts.ts";

type Unary = ServerUnaryCall<Buffer, Buffer>;
type Stream = ServerWritableStream<Buffer, Buffer>;
type CarryStream = ServerDuplexStream<Buffer, Buffer>;

/** The largest response that fits into a message beside what goes with it, in bytes. */
const mostCarriedBytes = maxMessageBytes - 1024;

/** What stands between a dispatcher and grpc-js: decodes requests, encodes answers and failures. */
export class GrpcHandlers {
  private readonly dispatcher: Dispatcher;
  private readonly trust: Trust;
  private readonly log: Logger;
  private readonly openStreams = new Set<Stream>();
  private readonly stopping = new AbortController();
  private readonly unary = new Map<string, DescMethod>();
  private readonly carried = new Set<CarriedCalls>();

  constructor(dispatcher: Dispatcher, trust: Trust, log: Logger) {
    this.dispatcher = dispatcher;
    this.trust = trust;
    this.log = log;
  }

  /** Offers RPCs that the dispatcher serves. */
  register(server: Server, methods: readonly DescMethod[]): void {
    for (const method of methods) {
      // Bytes stay bytes for grpc-js, so that what cannot be decoded or encoded is answered in our own terms.
      if (method.methodKind === "server_streaming") {
        server.register<Buffer, Buffer>(pathOf(method), this.streamHandler(method), bytes, bytes, "serverStream");
      } else {
        this.unary.set(pathOf(method), method);
        server.register<Buffer, Buffer>(pathOf(method), this.unaryHandler(method), bytes, bytes, "unary");
      }
    }
    const path = pathOf(CarrierService.method.carry);
    server.register<Buffer, Buffer>(path, (stream: CarryStream) => this.carry(stream), bytes, bytes, "bidi");
  }

  /** Ends what would else last for as long as the server, streams and waits; their callers come again elsewhere. */
  endWaits(): void {
    this.stopping.abort();
    for (const stream of this.openStreams) stream.emit("error", grpcStatusOf(new Unavailable()));
    for (const one of this.carried) one.close();
  }

  private carry(stream: CarryStream): void {
    if (!isOfTheMesh(stream, this.trust)) {
      stream.emit("error", grpcStatusOf(new Unauthenticated()));
      return;
    }
    const calls = new CarriedCalls(stream, (carried, cancelled) => this.answerCarried(carried, cancelled));
    this.carried.add(calls);
    stream.once("close", () => this.carried.delete(calls));
  }

  private async answerCarried(carried: CarriedCall, cancelled: () => AbortSignal): Promise<CarriedOutcome> {
    const { path, request, requestId } = carried;
    const method = this.unary.get(path);
    if (!method) return failed({ code: status.UNIMPLEMENTED, message: `There is no ${path} here` });
    let call: Call | undefined;
    try {
      call = this.untilStop(method, readCarriedCall(carried, cancelled));
      const response = encode(method.output, await this.dispatcher.unary(method, decode(method, request), call));
      if (response.length > mostCarriedBytes) throw new Error(`A response of ${response.length} bytes is too long`);
      return { case: "response", value: response };
    } catch (error) {
      const about = call ?? new Call({ requestId: usableRequestId(requestId) });
      return failed(statusOf(failureOf(error, path, about, this.log)));
    }
  }

  private unaryHandler(method: DescMethod) {
    return (incoming: Unary, answer: sendUnaryData<Buffer>): void => {
      this.answerUnary(method, incoming).then(
        (response) => answer(null, response),
        (failure) => answer(grpcStatusOf(failure)),
      );
    };
  }

  private async answerUnary(method: DescMethod, incoming: Unary): Promise<Buffer> {
    let call: Call | undefined;
    try {
      call = this.untilStop(method, await readCall(method, incoming, this.trust));
      return encode(method.output, await this.dispatcher.unary(method, decode(method, incoming.request), call));
    } catch (error) {
      throw this.failureOf(error, method, incoming, call);
    }
  }

  private streamHandler(method: DescMethod) {
    return async (stream: Stream): Promise<void> => {
      this.openStreams.add(stream);
      let call: Call | undefined;
      try {
        call = await readCall(method, stream, this.trust);
        const responses = this.dispatcher.stream(method, decode(method, stream.request), call);
        for await (const response of responses) {
          if (!stream.writable) return;
          if (!stream.write(encode(method.output, response))) await once(stream, "drain", { signal: call.cancelled });
        }
        stream.end();
      } catch (error) {
        const failure = this.failureOf(error, method, stream, call);
        if (stream.writable) stream.emit("error", grpcStatusOf(failure));
      } finally {
        this.openStreams.delete(stream);
      }
    };
  }

  private untilStop(method: DescMethod, call: Call): Call {
    if (!waitsForNews(method)) return call;
    const signals = [this.stopping.signal, ...(call.cancelled ? [call.cancelled] : [])];
    return call.with({ cancelled: AbortSignal.any(signals) });
  }

  private failureOf(error: unknown, method: DescMethod, { metadata }: IncomingCall, call: Call | undefined) {
    return failureOf(error, pathOf(method), call ?? new Call({ requestId: readRequestId(metadata) }), this.log);
  }
}

function bytes(value: Buffer): Buffer {
  return value;
}

function failed(status: MessageInitShape<typeof StatusSchema>): CarriedOutcome {
  return { case: "error", value: create(StatusSchema, status) };
}

function decode({ input }: DescMethod, request: Uint8Array): Message {
  try {
    return fromBinary(input, request);
  } catch {
    throw new MalformedMessage(input.typeName);
  }
}
