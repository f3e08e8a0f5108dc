import type { Registry } from "@bufbuild/protobuf";
import { aroundPaths, aroundTag } from "./openapi-around.ts";
import { Comments } from "./openapi-comments.ts";
import { conventions } from "./openapi-conventions.ts";
import type { OpenApiDocument, PathItem } from "./openapi-document.ts";
import { FieldExamples } from "./openapi-examples.ts";
import { failureHeaders, failureSchema } from "./openapi-failures.ts";
import { SchemaNames } from "./openapi-names.ts";
import { entityTag, idempotencyKey, operationOf, tagOf } from "./openapi-operations.ts";
import { inReadingOrder } from "./openapi-order.ts";
import { Schemas } from "./openapi-schemas.ts";
import { publicMethods } from "./routes.ts";

/**
 * Describes every route of the edge as OpenAPI 3.1, from the descriptors and the comments in them; in production without
 * what is for development only, which else comes last.
 */
export function buildOpenApi(registry: Registry, { production }: { readonly production: boolean }): OpenApiDocument {
  const all = publicMethods(registry);
  const methods = inReadingOrder(all.filter(({ rest }) => !(rest.developmentOnly && production)));
  const services = new Set(methods.map(({ method }) => method.parent));
  const comments = new Comments(registry);
  const schemas = new Schemas(comments, new FieldExamples(registry, comments), new SchemaNames(all));
  schemas.components.Error = failureSchema;

  const paths: Record<string, PathItem> = {};
  for (const one of methods) {
    for (const binding of one.bindings) {
      const operation = operationOf(one, binding, schemas);
      paths[binding.path] = { ...paths[binding.path], [binding.verb.toLowerCase()]: operation };
    }
  }
  return {
    openapi: "3.1.1",
    info: { title: "giftmesh", version: "v1", description: conventions },
    servers: [{ url: "/", description: "Where this document came from." }],
    tags: [...[...services].map((service) => ({ name: tagOf(service), description: comments.of(service) })), aroundTag],
    paths: { ...paths, ...aroundPaths },
    components: {
      securitySchemes: {
        bearerAuth: {
          type: "http",
          scheme: "bearer",
          bearerFormat: "JWT",
          description: "The `token` that `POST /auth/login` answers.",
        },
      },
      parameters: { IdempotencyKey: idempotencyKey },
      headers: { ...failureHeaders, ETag: entityTag },
      schemas: schemas.components,
    },
  };
}
