import type { FastifyInstance } from "fastify";
import { UnsupportedMediaType } from "./refusals.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** The media types that the route takes a body of, for people; undefined where it takes none. */
    readonly takes?: string;
  }
}

/** Takes JSON as text, for the decoders to read; anything else only where the route takes no body, to be ignored. */
export function takeBodies(app: FastifyInstance): void {
  app.addContentTypeParser("application/json", { parseAs: "string" }, (_request, body, done) => done(null, body));
  app.addContentTypeParser("*", { parseAs: "string" }, (request, body, done) => {
    const { takes } = request.routeOptions.config;
    if (takes === undefined || body === "") done(null);
    else done(new UnsupportedMediaType(takes));
  });
}
