import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

/** Looks on while requests are answered. */
export interface RequestObserver {
  begin?(request: FastifyRequest): void;
  end(request: FastifyRequest, reply: FastifyReply): void;
}

/** Has them all look on. Fastify would take longer to go from hook to hook than they do, so they have one together. */
export function observeRequests(app: FastifyInstance, observers: readonly RequestObserver[]): void {
  const beginners = observers.flatMap((one) => one.begin ?? []);
  app.addHook("onRequest", (request, _reply, done) => {
    for (const begin of beginners) begin(request);
    done();
  });
  app.addHook("onResponse", (request, reply, done) => {
    for (const one of observers) one.end(request, reply);
    done();
  });
}
