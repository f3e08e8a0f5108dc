import { type DescMethod, fromBinary, type Message } from "@bufbuild/protobuf";
import type { Client, ServiceError } from "@grpc/grpc-js";
import type { Logger } from "pino";
import type { GrpcTls } from "../config.ts";
import { Unavailable } from "../refusal.ts";
import { inSpan, streamInSpan } from "../tracing.ts";
import { askHealth } from "./ask-health.ts";
import type { Call } from "./call.ts";
import { openChannel } from "./channel.ts";
import { encode, pathOf } from "./codec.ts";
import { type Failure, InternalError } from "./internal-error.ts";
import type { Invoker } from "./invoker.ts";
import { metadataOf } from "./metadata.ts";
import { carriesItsOwnId, retrying } from "./retry.ts";
import { clientSpan } from "./rpc-spans.ts";
import { isUnreached, refusalOf, statusOfGrpc } from "./status.ts";

export interface GrpcClientOptions {
  /** `host:port`. */
  readonly address: string;
  readonly tls: GrpcTls | undefined;
  readonly log: Logger;
}

/** Calls the RPCs of one service in another process. Throws only Refusals and InternalErrors. */
export class GrpcClient implements Invoker {
  private readonly address: string;
  private readonly log: Logger;
  private readonly client: Client;

  constructor({ address, tls, log }: GrpcClientOptions) {
    this.address = address;
    this.log = log;
    this.client = openChannel(address, tls);
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
      throw this.failureOf(error, method, call);
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
    this.client.close();
  }

  private async call(method: DescMethod, request: Message, call: Call): Promise<Message> {
    const attempt = () => this.attempt(method, request, call);
    try {
      return await (carriesItsOwnId(method, request, call) ? retrying(call, attempt) : attempt());
    } catch (error) {
      throw this.failureOf(error, method, call);
    }
  }

  private attempt(method: DescMethod, request: Message, call: Call): Promise<Message> {
    const { cancelled, deadline } = call;
    return new Promise((resolve, reject) => {
      const attempt = this.client.makeUnaryRequest(
        pathOf(method),
        (message: Message) => encode(method.input, message),
        (bytes) => fromBinary(method.output, bytes),
        request,
        metadataOf(call),
        { deadline },
        (error, response) => {
          cancelled?.removeEventListener("abort", cancel);
          if (error) reject(error);
          else resolve(response as Message);
        },
      );
      const cancel = () => attempt.cancel();
      cancelled?.addEventListener("abort", cancel);
      if (cancelled?.aborted) cancel();
    });
  }

  private failureOf(error: unknown, method: DescMethod, call: Call): Failure {
    const status = isServiceError(error) ? statusOfGrpc(error) : undefined;
    if (status) return refusalOf(status);
    const about = { requestId: call.requestId, method: pathOf(method), address: this.address, err: error };
    if (isServiceError(error) && isUnreached(error)) {
      this.log.warn(about, "Another service did not answer");
      return new Unavailable();
    }
    this.log.error(about, "A call to another service failed unexpectedly");
    return new InternalError();
  }
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && "metadata" in error;
}
