import { cors as connectCors } from "@connectrpc/connect";
import cors from "@fastify/cors";
import type { FastifyInstance } from "fastify";

const exposedHeaders = [...connectCors.exposedHeaders, "Retry-After", "X-Request-Id"];

/** Lets browsers call from some origins. Answers the headers that every answer to one is to have for it. */
export function allowBrowsers(app: FastifyInstance, origins: readonly string[]): Record<string, string> {
  const isForAll = origins.includes("*");
  const options = {
    origin: isForAll ? "*" : [...origins],
    methods: ["GET", "POST", "PUT", "PATCH", "DELETE"],
    exposedHeaders,
    maxAge: 86_400,
    strictPreflight: false,
  };
  if (!isForAll) {
    app.register(cors, options);
    return {};
  }
  // In a scope of its own, the plugin has to do with preflights only: all other answers are the same for every origin.
  app.register(async (preflights) => {
    await preflights.register(cors, options);
  });
  return { "access-control-allow-origin": "*", "access-control-expose-headers": exposedHeaders.join(", ") };
}
