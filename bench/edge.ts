import autocannon from "autocannon";
import { sqliteEngine } from "../services/platform/testing/engines.ts";
import { freePorts, startProcess, startServices, type TestProcess } from "../services/testing/processes.ts";
import { RestClient } from "../services/testing/rest-client.ts";
import { unlimited } from "../services/testing/running-mesh.ts";
import { compare, type Result } from "./comparison.ts";
import { type Workers, weigh } from "./footprint.ts";
import type { CountedRound } from "./load.ts";

const roundSeconds = 3;
const connections = 64;

/** Reads through the edge of a whole mesh in one process, against a Fastify route that answers the same bytes. */
export async function benchEdge(stack: AsyncDisposableStack): Promise<Result[]> {
  const engine = sqliteEngine();
  stack.defer(() => engine.remove());
  const [edgePort, grpcPort] = await freePorts(2);
  const environment = { ...engine.environment, ...unlimited, EDGE_PORT: String(edgePort), GRPC_PORT: String(grpcPort) };
  const mesh = await startServices([], environment);
  stack.defer(async () => void (await mesh.end()));
  const { client } = await new RestClient(`http://127.0.0.1:${edgePort}`).newUser();
  await client.post("/members/me/points/charge", { amount: 200 });
  const { text } = await client.get("/members/me/points");
  const bare = startProcess("bench/baselines/bare-fastify.ts", ["--body", text], {});
  stack.defer(async () => void (await bare.end()));
  await bare.says("http://");

  const headers = { authorization: `Bearer ${client.token}` };
  const result = await compare({
    workload: `GET /members/me/points, one process, ${connections} connections`,
    baseline: "bare Fastify route",
    figure: "rate",
    aim: 0.4,
    runOurs: () => weigh(workersOf(mesh), () => load(`${client.base}/members/me/points`, headers)),
    runBaseline: () => weigh(workersOf(bare), () => load(`${bare.output().trim()}/members/me/points`, headers)),
  });
  return [result];
}

function workersOf({ child }: TestProcess): Workers {
  return { pids: child.pid === undefined ? [] : [child.pid], server: undefined };
}

async function load(url: string, headers: Record<string, string>): Promise<CountedRound> {
  const { requests, latency, non2xx, errors } = await autocannon({ url, headers, connections, duration: roundSeconds });
  if (non2xx > 0 || errors > 0) throw new Error(`${url} answered ${non2xx} times other than 2xx, ${errors} not at all`);
  return { operations: requests.total, rate: requests.average, p50Ms: latency.p50, p99Ms: latency.p99 };
}
