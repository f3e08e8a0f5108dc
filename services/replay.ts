import { setTimeout as sleep } from "node:timers/promises";
import { DataPlatformService } from "../gen/giftmesh/payment/v1/data_platform_service_pb.ts";
import { readConfig } from "./platform/config.ts";
import { createLog } from "./platform/logging.ts";
import { Refusal } from "./platform/refusal.ts";
import { Call } from "./platform/rpc/call.ts";
import { Dispatcher } from "./platform/rpc/dispatcher.ts";
import { MeshClients } from "./platform/rpc/mesh-clients.ts";
import { ArgumentError, type ReplayRequest, readReplayRequest } from "./replay-request.ts";

/** How long it may take until all are to be sent again, in milliseconds. */
const replayTimeoutMs = 600_000;

const lookEveryMs = 1_000;

/** Has the data platform sent again what happened since an instant, or what was given up, and tells how far that is. */
async function main(): Promise<void> {
  const request = readReplayRequest(process.argv.slice(2));
  const config = readConfig();
  const address = config.addresses.payment ?? `127.0.0.1:${config.grpcPort}`;
  const { grpcTls, logLevel } = config;
  // What is said at the end is enough, unless somebody asks for more.
  const log = createLog({ logLevel: logLevel === "info" ? "silent" : logLevel });
  const clients = new MeshClients({
    config: { addresses: { payment: address }, grpcTls },
    dispatcher: new Dispatcher({ log }),
    log,
  });
  try {
    await replay(clients, request);
  } catch (error) {
    if (error instanceof Refusal) throw new ArgumentError(`${address}: ${textOf(error)}`);
    throw error;
  } finally {
    clients.close();
  }
}

async function replay(clients: MeshClients, request: ReplayRequest): Promise<void> {
  const platform = clients.of(DataPlatformService);
  const { replayedCount } = await platform.replayDeliveries(request, newCall(replayTimeoutMs));
  say(`${replayedCount} will be sent again. They are, even if this is stopped.`);
  for (let last = ""; ; await sleep(lookEveryMs)) {
    const { waitingCount, deadCount } = await platform.getDeliveryProgress({}, newCall());
    const line = `${waitingCount} waiting, ${deadCount} dead`;
    if (line !== last) say(line);
    if (waitingCount === 0n) return;
    last = line;
  }
}

function newCall(timeoutMs?: number): Call {
  const deadline = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
  return new Call({ requestId: `replay-${process.pid}`, ...deadline });
}

function textOf({ kind, message, fields }: Refusal): string {
  if (kind === "unavailable") return "the payment service cannot be reached";
  return [message, ...fields.map(({ field, description }) => `${field} ${description}`)].join("; ");
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(1);
}
