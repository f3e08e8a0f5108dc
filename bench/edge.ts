import autocannon from "autocannon";
import { sqliteEngine } from "../services/platform/testing/engines.ts";
import { freePorts, startProcess, startServices } from "../services/testing/processes.ts";
import { RestClient } from "../services/testing/rest-client.ts";
import { unlimited } from "../services/testing/running-mesh.ts";
import { compare, type Result } from "./comparison.ts";
import type { Round } from "./load.ts";

const roundSeconds = 3;
const connections = 64;

/** Reads through the edge of a whole mesh in one process, against a Fastify route that answers the same bytes. */
export async function benchEdge(): Promise<Result[]> {
  const engine = sqliteEngine();
  const [edgePort, grpcPort] = await freePorts(2);
  const environment = { ...engine.environment, ...unlimited, EDGE_PORT: String(edgePort), GRPC_PORT: String(grpcPort) };
  const mesh = await startServices([], environment);
  const { client } = await new RestClient(`http://127.0.0.1:${edgePort}`).newUser();
  await client.post("/members/me/points/charge", { amount: 200 });
  const { text } = await client.get("/members/me/points");
  const bare = startProcess("bench/baselines/bare-fastify.ts", ["--body", text], {});
  await bare.says("http://");

  const headers = { authorization: `Bearer ${client.token}` };
  const result = await compare({
    workload: `GET /members/me/points, one process, ${connections} connections`,
    baseline: "bare Fastify route",
    figure: "rate",
    aim: 0.4,
    runOurs: () => load(`${client.base}/members/me/points`, headers),
    runBaseline: () => load(`${bare.output().trim()}/members/me/points`, headers),
  });
  await Promise.all([mesh.end(), bare.end()]);
  await engine.remove();
  return [result];
}

async function load(url: string, headers: Record<string, string>): Promise<Round> {
  const { requests, latency, non2xx, errors } = await autocannon({ url, headers, connections, duration: roundSeconds });
  if (non2xx > 0 || errors > 0) throw new Error(`${url} answered ${non2xx} times other than 2xx, ${errors} not at all`);
  return { rate: requests.average, p50Ms: latency.p50, p99Ms: latency.p99 };
}
