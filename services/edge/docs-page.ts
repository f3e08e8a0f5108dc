import { readFile } from "node:fs/promises";
import type { FastifyInstance } from "fastify";

/** How long a browser keeps what the page is made of, in seconds. */
const keptForSeconds = 3_600;

/** Where Swagger UI has its files; the plugin around them wants a description made from Fastify's own routes. */
const swaggerUi = new URL("./static/", import.meta.resolve("@fastify/swagger-ui"));

/** What of Swagger UI the page needs, by media type. */
const assets: Readonly<Record<string, string>> = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "favicon-32x32.png": "image/png",
};

/** Scripts, styles and calls from and to here only; Swagger UI's pictures are in its style sheet. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join(";");

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>giftmesh API</title>
    <link rel="icon" type="image/png" href="docs/favicon-32x32.png">
    <link rel="stylesheet" href="docs/swagger-ui.css">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/start.js"></script>
  </body>
</html>
`;

const start = `SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  defaultModelExpandDepth: 3,
  validatorUrl: null,
});
`;

/**
 * Serves a description as `GET /openapi.json`, and `GET /docs`, a page to read and try it. It is built at the first
 * request for it, once.
 */
export function registerDocs(app: FastifyInstance, build: () => object): void {
  let text: string | undefined;
  app.get("/openapi.json", async (_request, reply) => {
    text ??= JSON.stringify(build());
    return reply.header("content-type", "application/json; charset=utf-8").send(text);
  });
  app.get("/docs", async (_request, reply) =>
    reply
      .headers({ "content-type": "text/html; charset=utf-8", "content-security-policy": contentSecurityPolicy })
      .send(page),
  );
  addAsset(app, "start.js", "text/javascript; charset=utf-8", async () => start);
  for (const [name, type] of Object.entries(assets)) {
    addAsset(app, name, type, () => readFile(new URL(name, swaggerUi)));
  }
}

function addAsset(app: FastifyInstance, name: string, type: string, read: () => Promise<string | Buffer>): void {
  let content: Promise<string | Buffer> | undefined;
  app.get(`/docs/${name}`, async (_request, reply) => {
    content ??= read();
    reply.header("content-type", type).header("cache-control", `public, max-age=${keptForSeconds}`);
    return reply.send(await content);
  });
}
