import type { MediaType, Operation, PathItem } from "./openapi-document.ts";

/** What the edge serves of its own accord is listed under this. */
export const aroundTag = { name: "Around it", description: "The edge itself: no token, no rate, no envelope." };

const text = (description: string, example: string): MediaType => ({
  schema: { type: "string", description },
  example,
});

const status = (value: string): MediaType => ({
  schema: {
    type: "object",
    properties: { status: { type: "string", const: value, description: `Always \`${value}\`.` } },
    required: ["status"],
  },
  example: { status: value },
});

/** The routes of the edge that no RPC is behind. */
export const aroundPaths: Readonly<Record<string, PathItem>> = {
  "/healthz": {
    get: operation("healthz", "Says whether the edge is alive", {
      200: { description: "It is.", content: { "application/json": status("ok") } },
    }),
  },
  "/readyz": {
    get: operation("readyz", "Says whether requests can be answered now", {
      200: { description: "They can.", content: { "application/json": status("ok") } },
      503: {
        description: "Not yet, or not any more: the edge is stopping.",
        content: { "application/json": status("unavailable") },
      },
    }),
  },
  "/metrics": {
    get: operation("metrics", "Shows the metrics, for Prometheus", {
      200: {
        description: "All of them.",
        content: { "text/plain": text("The text format of Prometheus 0.0.4.", "# TYPE up gauge\nup 1\n") },
      },
    }),
  },
  "/openapi.json": {
    get: operation("openapi", "Describes all of this, for programs", {
      200: {
        description: "This very document.",
        content: {
          "application/json": {
            schema: { type: "object", description: "An OpenAPI 3.1 document." },
            example: { openapi: "3.1.1" },
          },
        },
      },
    }),
  },
  "/docs": {
    get: operation("docs", "Describes all of this, for people", {
      200: {
        description: "A page to read and to try it on.",
        content: { "text/html": text("HTML.", "<!doctype html>") },
      },
    }),
  },
};

function operation(operationId: string, summary: string, responses: Operation["responses"]): PathItem[string] {
  return {
    tags: [aroundTag.name],
    operationId,
    summary,
    description: `${summary}.`,
    security: [],
    "x-roles": [],
    responses,
  };
}
