import type { Message } from "@bufbuild/protobuf";
import type { FastifyReply } from "fastify";
import type { HttpBody } from "../../gen/google/api/httpbody_pb.ts";
import { type CommonHeaders, type Headers, send, sendText } from "./answer.ts";
import { sendCacheable } from "./caching.ts";
import { compileAnswer } from "./envelope.ts";
import { answersBytes, type Binding, type PublicMethod } from "./routes.ts";

/** Sends what an RPC answered. */
export type SendSuccess = (reply: FastifyReply, response: Message) => void;

/** A success as it leaves: its media type and its bytes. */
interface Body {
  readonly contentType: string;
  readonly content: string | Uint8Array;
}

/** Compiles how a binding's successes are sent: as text, or as the bytes that they are; to be cached, or not. */
export function compileSuccess(one: PublicMethod, binding: Binding, common: CommonHeaders): SendSuccess {
  const { cacheControl, successStatus } = one.rest;
  const status = successStatus || 200;
  if (!cacheControl && !answersBytes(one)) {
    const answer = compileAnswer(one, binding);
    return (reply, response) => sendText(reply, common, answer, answer.write(response));
  }
  const bodyOf = compileBody(one, binding);
  const always = alwaysSent(one);
  return (reply, response) => {
    const { contentType, content } = bodyOf(response);
    const own = { ...always, "content-type": contentType, "content-length": Buffer.byteLength(content) };
    if (cacheControl) sendCacheable(reply, common, status, own, content);
    else send(reply, common, status, own, content);
  };
}

function compileBody(one: PublicMethod, binding: Binding): (response: Message) => Body {
  if (answersBytes(one)) {
    return (response) => {
      const { contentType, data } = response as HttpBody;
      return { contentType, content: data };
    };
  }
  const { contentType, write } = compileAnswer(one, binding);
  return (response) => ({ contentType, content: write(response) });
}

function alwaysSent({ rest }: PublicMethod): Headers {
  return {
    ...(rest.cacheControl && { "cache-control": rest.cacheControl }),
    ...(rest.attachment && { "content-disposition": `attachment; filename="${rest.attachment}"` }),
  };
}
