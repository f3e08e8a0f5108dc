import { pino } from "pino";
import { LedgerService } from "../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import { Call } from "../services/platform/rpc/call.ts";
import { Dispatcher } from "../services/platform/rpc/dispatcher.ts";
import { MeshClients } from "../services/platform/rpc/mesh-clients.ts";
import { transferRequest } from "../services/platform/rpc/testing/ledger.ts";
import { UnaryTransfers } from "./baselines/unary-grpc.ts";
import { compare, type Result } from "./comparison.ts";
import { weigh } from "./footprint.ts";
import { closedLoop, type Round } from "./load.ts";
import { startScript } from "./sides.ts";

const inFlight = 256;
const roundMs = 2_000;

/** From this process to another that answers at once: how the mesh calls, against an RPC of grpc-js each. */
export async function benchHop(stack: AsyncDisposableStack): Promise<Result[]> {
  const ours = await openOurs(stack);
  const theirs = await openTheirs(stack);
  return [
    await compare({
      workload: `internal calls of a hot RPC, ${inFlight} in flight`,
      baseline: "unary grpc-js",
      figure: "rate",
      aim: 5,
      runOurs: ours,
      runBaseline: theirs,
    }),
  ];
}

async function openOurs(stack: AsyncDisposableStack): Promise<() => Promise<Round>> {
  const { said: port, pid } = await startScript("bench/echo-ledger.ts", [], stack);
  const log = pino({ level: "silent" });
  const config = { addresses: { wallet: `127.0.0.1:${port}` }, grpcTls: undefined };
  const clients = new MeshClients({ config, dispatcher: new Dispatcher({ log }), log });
  stack.defer(() => clients.close());
  const ledger = clients.of(LedgerService);
  return round(pid, (id) => ledger.transfer(transferRequest({ id }), new Call({ requestId: id })));
}

async function openTheirs(stack: AsyncDisposableStack): Promise<() => Promise<Round>> {
  const { said: port, pid } = await startScript("bench/baselines/unary-grpc-server.ts", [], stack);
  const transfers = new UnaryTransfers(`127.0.0.1:${port}`);
  stack.defer(() => transfers.close());
  return round(pid, (id) => transfers.transfer(transferRequest({ id })));
}

function round(pid: number, call: (id: string) => Promise<unknown>): () => Promise<Round> {
  const workers = { pids: [process.pid, pid], server: undefined };
  return () => weigh(workers, () => closedLoop(inFlight, roundMs, (place, turn) => call(`${place}-${turn}`)));
}
