import { type DescMethod, fromBinary, type Message } from "@bufbuild/protobuf";
import { type Client, connectivityState, type ServiceError } from "@grpc/grpc-js";
import type { Logger } from "pino";
import type { GrpcTls } from "../config.ts";
import { Refusal, Unavailable } from "../refusal.ts";
import { inSpan, streamInSpan } from "../tracing.ts";
import { askHealth } from "./ask-health.ts";
import type { Call } from "./call.ts";
import { Carrier } from "./carrier.ts";
import { openChannel } from "./channel.ts";
import { encode, pathOf } from "./codec.ts";
import { DeadlineExceeded, withinDeadline } from "./deadline.ts";
import { type Failure, InternalError } from "./internal-error.ts";
import type { Invoker } from "./invoker.ts";
import { metadataOf } from "./metadata.ts";
import { carriesItsOwnId, retrying } from "./retry.ts";
import { clientSpan } from "./rpc-spans.ts";
import { failureOfGrpc, isUnreached } from "./status.ts";
import { waitsForNews } from "./timeouts.ts";

export interface GrpcClientOptions {
  /** `host:port`. */
  readonly address: string;
  readonly tls: GrpcTls | undefined;
  readonly log: Logger;
}

/** The largest request that travels with others, in bytes: a larger one would keep them waiting. */
const mostCarriedBytes = 64 * 1024;

/**
 * Calls the RPCs of one service in another process. Unary calls travel together while there is a connection; while there
 * is none, each alone, and is told by itself what becomes of that. Throws only Refusals and InternalErrors.
 */
export class GrpcClient implements Invoker {
  private readonly address: string;
  private readonly log: Logger;
  private readonly client: Client;
  private readonly carrier: Carrier;
  /** For those who wait for news: they do so for long, and would take the room of all others. */
  private readonly longPolls: Carrier;

  constructor({ address, tls, log }: GrpcClientOptions) {
    this.address = address;
    this.log = log;
    this.client = openChannel(address, tls);
    this.carrier = new Carrier(this.client);
    this.longPolls = new Carrier(this.client);
  }

  unary(method: DescMethod, request: Message, call: Call): Promise<Message> {
    return inSpan(
      () => clientSpan(method),
      call,
      (inner) => this.call(method, request, inner),
    );
  }

  stream(method: DescMethod, request: Message, call: Call): AsyncIterable<Message> {
    return streamInSpan(
      () => clientSpan(method),
      call,
      (inner) => this.answers(method, request, inner),
    );
  }

  private async *answers(method: DescMethod, request: Message, call: Call): AsyncIterable<Message> {
    const { cancelled, deadline } = call;
    const stream = this.client.makeServerStreamRequest(
      pathOf(method),
      (message: Message) => encode(method.input, message),
      (bytes) => fromBinary(method.output, bytes),
      request,
      metadataOf(call),
      { deadline },
    );
    const cancel = () => stream.cancel();
    cancelled?.addEventListener("abort", cancel);
    if (cancelled?.aborted) cancel();
    try {
      yield* stream;
    } catch (error) {
      throw this.failureOf(isServiceError(error) ? failureOfGrpc(error) : error, method, call);
    } finally {
      cancelled?.removeEventListener("abort", cancel);
      cancel();
    }
  }

  /** Whether the server says that it serves (grpc.health.v1). Rejects where it does not answer in time. */
  async isServing(timeoutMs: number): Promise<boolean> {
    return (await askHealth(this.client, "", timeoutMs)) === "SERVING";
  }

  /** Lets calls in progress end, and takes no more. */
  close(): void {
    this.carrier.close();
    this.longPolls.close();
    this.client.close();
  }

  private async call(method: DescMethod, request: Message, call: Call): Promise<Message> {
    const attempt = async () => this.attempt(method, request, call);
    try {
      return await (carriesItsOwnId(method, request, call) ? retrying(call, attempt) : attempt());
    } catch (error) {
      throw this.failureOf(error, method, call);
    }
  }

  private attempt(method: DescMethod, request: Message, call: Call): Promise<Message> {
    const bytes = encode(method.input, request);
    const isConnected = this.client.getChannel().getConnectivityState(false) === connectivityState.READY;
    return isConnected && bytes.length <= mostCarriedBytes
      ? this.carry(method, bytes, call)
      : this.callAlone(method, bytes, call);
  }

  private async carry(method: DescMethod, request: Buffer, call: Call): Promise<Message> {
    const carrier = waitsForNews(method) ? this.longPolls : this.carrier;
    const response = await withinDeadline(call, () => carrier.carry(pathOf(method), request, call));
    return fromBinary(method.output, response);
  }

  private callAlone(method: DescMethod, request: Buffer, call: Call): Promise<Message> {
    const { cancelled, deadline } = call;
    return new Promise((resolve, reject) => {
      const attempt = this.client.makeUnaryRequest(
        pathOf(method),
        (bytes: Buffer) => bytes,
        (bytes) => fromBinary(method.output, bytes),
        request,
        metadataOf(call),
        { deadline },
        (error, response) => {
          cancelled?.removeEventListener("abort", cancel);
          if (error) reject(failureOfGrpc(error));
          else resolve(response as Message);
        },
      );
      const cancel = () => attempt.cancel();
      cancelled?.addEventListener("abort", cancel);
      if (cancelled?.aborted) cancel();
    });
  }

  private failureOf(error: unknown, method: DescMethod, call: Call): Failure {
    const about = { requestId: call.requestId, method: pathOf(method), address: this.address, err: error };
    if (error instanceof DeadlineExceeded || (isServiceError(error) && isUnreached(error))) {
      this.log.warn(about, "Another service did not answer");
      return new Unavailable();
    }
    if (error instanceof Refusal || error instanceof InternalError) return error;
    this.log.error(about, "A call to another service failed unexpectedly");
    return new InternalError();
  }
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && "metadata" in error;
}
