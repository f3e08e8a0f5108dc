import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import type { Message } from "@bufbuild/protobuf";
import type { FastifyReply } from "fastify";
import { type CommonHeaders, headersOf } from "./answer.ts";
import { goneSignal, streamCall } from "./calls.ts";
import { compileDataWriter } from "./envelope.ts";
import { bodyOf, httpFailureOf } from "./errors.ts";
import type { RouteContext } from "./route-context.ts";
import type { Binding, PublicMethod } from "./routes.ts";

/** How often an idle stream shows that it is alive, so that no proxy takes it for dead. */
const keepAliveMs = 15_000;

/** How long the answer's head waits for the first message: a refusal until then has a status of its own. */
const patienceMs = 500;

/**
 * Compiles how a server-streaming RPC is answered: as server-sent events (WHATWG HTML, 9.2), one for each message. A
 * refusal on the way is an event `error` with the body that it would have had, and the end.
 */
export function compileEventStream(
  { method }: PublicMethod,
  { responseField }: Binding,
  { invoker, headers, log, stopping }: RouteContext,
): (request: Message, reply: FastifyReply) => Promise<void> {
  const write = compileDataWriter(method.output, responseField);

  return async (request, reply) => {
    const ended = AbortSignal.any([goneSignal(reply), stopping]);
    const messages = invoker.stream(method, request, streamCall(reply.request, ended))[Symbol.asyncIterator]();
    const first = messages.next();
    await Promise.race([first, setTimeout(patienceMs, undefined, { ref: false })]);

    const events = openEvents(reply, headers, ended);
    try {
      for (let next = await first; !next.done && !ended.aborted; next = await messages.next()) {
        await events.send(`data: ${write(next.value)}\n\n`);
      }
    } catch (error) {
      if (ended.aborted) return;
      const failure = httpFailureOf(error, reply.request.id, log);
      await events.send(`event: error\ndata: ${bodyOf(failure, reply.request.id)}\n\n`);
    } finally {
      events.close();
      await messages.return?.();
    }
  };
}

/** Sends the head of a stream of events and keeps it alive until it is closed or has ended. */
function openEvents(reply: FastifyReply, common: CommonHeaders, ended: AbortSignal) {
  const { raw } = reply.hijack();
  raw.writeHead(200, headersOf(reply, common, { "content-type": "text/event-stream" }));
  raw.flushHeaders();

  const keepAlive = setInterval(() => raw.write(":keep-alive\n\n"), keepAliveMs);
  const close = () => {
    clearInterval(keepAlive);
    // What stops the edge outlives the stream, and would keep it in memory.
    ended.removeEventListener("abort", close);
    raw.end();
  };
  if (ended.aborted) close();
  else ended.addEventListener("abort", close);

  return {
    close,
    /** Resolves once there is room for more. */
    async send(event: string): Promise<void> {
      if (!ended.aborted && !raw.write(event)) await once(raw, "drain", { signal: ended });
    },
  };
}
