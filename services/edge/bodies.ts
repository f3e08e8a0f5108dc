import { isUtf8 } from "node:buffer";
import type { FastifyInstance } from "fastify";
import { MalformedJson, UnsupportedMediaType } from "./refusals.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** The media types that the route takes a body of, for people; undefined where it takes none. */
    readonly takes?: string;
  }
}

/** Takes JSON as text, for the decoders to read; anything else only where the route takes no body, to be ignored. */
export function takeBodies(app: FastifyInstance): void {
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body: Buffer, done) => {
    // Whoever reads bytes that are none as text gets other text, and the same for many: as a password, too.
    if (isUtf8(body)) done(null, body.toString());
    else done(new MalformedJson("The body is not UTF-8"));
  });
  app.addContentTypeParser("*", { parseAs: "string" }, (request, body, done) => {
    const { takes } = request.routeOptions.config;
    if (takes === undefined || body === "") done(null);
    else done(new UnsupportedMediaType(takes));
  });
}
