import { parseArgs } from "node:util";
import fastify from "fastify";

/** One Fastify route that answers given bytes: what a request costs when nothing is done for it. */
const { values } = parseArgs({ options: { port: { type: "string" }, body: { type: "string" } } });
const app = fastify();
app.get("/*", (_request, reply) => reply.type("application/json; charset=utf-8").send(values.body));
process.stdout.write(`${await app.listen({ host: "127.0.0.1", port: Number(values.port ?? 0) })}\n`);
