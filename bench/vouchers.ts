import { Broker } from "../services/platform/testing/broker.ts";
import { JetStreamRelay } from "./baselines/jetstream-relay.ts";
import { beside, compare, type Result } from "./comparison.ts";
import { type Workers, weigh } from "./footprint.ts";
import { at, type HttpConnection, openConnections } from "./http-client.ts";
import { type CountedRound, closedLoop } from "./load.ts";
import { openMysql } from "./sides.ts";
import { startSplitMesh } from "./split-mesh.ts";
import { TokenMint } from "./token-mint.ts";

const roundMs = 4_000;

/** Codes that are on their way at once. */
const inFlight = 256;

/** So few that they wait for the code and not for each other. */
const watchersInFlight = 8;

/** How long a client may wait for a code that is there, in milliseconds. */
const watchLimitMs = 50;

/** Voucher codes from a provider that has them at once: how many are stored a second, and how soon a watcher has one. */
export async function benchVouchers(stack: AsyncDisposableStack): Promise<Result[]> {
  const mint = await TokenMint.open(stack);
  const mysql = await openMysql(stack);
  const mesh = await startSplitMesh(["voucher", "voucher-integration"], mysql, mint, stack);
  if (!mesh) {
    process.stderr.write("There is no nats-server here: voucher codes are not measured\n");
    return [];
  }
  const token = await mint.admin();
  const { base, workers } = mesh;
  const connections = await openConnections(base, inFlight, stack);
  const relayed = await openRelay(stack);
  const codes = await compare({
    workload: `voucher codes over HTTP, request to stored code, ${inFlight} in flight`,
    baseline: "two JetStream events each, no database, no HTTP",
    figure: "rate",
    aim: 0,
    runOurs: () =>
      weigh(workers, () => closedLoop(inFlight, roundMs, (place) => getCode(at(connections, place), token))),
    runBaseline: () => weigh(relayed.workers, () => closedLoop(inFlight, roundMs, () => relayed.relay.send())),
  });
  return [codes, await benchWatching(workers, connections.slice(0, watchersInFlight), token)];
}

/** From when the code is received to when its watcher has it, by the clock that both share. */
async function benchWatching(workers: Workers, connections: readonly HttpConnection[], token: string): Promise<Result> {
  const waits: number[] = [];
  const round = await weigh(workers, async (): Promise<CountedRound> => {
    const counted = await closedLoop(connections.length, roundMs, async (place) => {
      const receivedAt = await getCode(at(connections, place), token);
      waits.push(Math.max(0, Date.now() - receivedAt));
    });
    waits.sort((a, b) => a - b);
    return { ...counted, p50Ms: at(waits, waits.length >> 1), p99Ms: at(waits, Math.floor(waits.length * 0.99)) };
  });
  const workload = `voucher codes, received to watched over HTTP, ${connections.length} in flight`;
  return beside(workload, round, { baseline: `${watchLimitMs} ms`, figure: "p99Ms", value: watchLimitMs });
}

/** Asks for a code and waits until it is there; answers when it was received, in milliseconds since 1970. */
async function getCode(connection: HttpConnection, token: string): Promise<number> {
  const asked = await connection.post("/voucher?phoneNumber=0909123456", token);
  const [, id, watchToken] = /"request_id":(\d+),"watch_token":"([^"]+)"/.exec(asked.body) ?? [];
  const watched = await connection.get(`/voucher/requests/${id}?token=${watchToken}&wait=30`, token);
  const [, receivedAt] = /"status":"delivered".*"received_at":"([^"]+)"/.exec(watched.body) ?? [];
  if (receivedAt === undefined) throw new Error(`There is no code: ${asked.body} ${watched.body}`);
  return Date.parse(receivedAt);
}

async function openRelay(stack: AsyncDisposableStack) {
  const broker = await Broker.prepare();
  stack.defer(() => broker.remove());
  await broker.start();
  const relay = await JetStreamRelay.open(broker.url);
  stack.defer(() => relay.close());
  const pids = [process.pid, ...(broker.pid === undefined ? [] : [broker.pid])];
  return { relay, workers: { pids, server: undefined } };
}
