import { setTimeout as sleep } from "node:timers/promises";
import { serviceNames } from "../services/mesh.ts";
import { Broker } from "../services/platform/testing/broker.ts";
import { freePorts } from "../services/platform/testing/free-ports.ts";
import { startServices } from "../services/testing/processes.ts";
import { unlimited } from "../services/testing/running-mesh.ts";
import { pidOf, type Side, type Store, sideOf } from "./sides.ts";
import type { TokenMint } from "./token-mint.ts";

/**
 * Starts the edge and some services each in a process of its own and all others in one more, with rates that nobody meets,
 * and a NATS of their own for the events between them. Undefined where no nats-server is installed.
 */
export async function startSplitMesh(
  apart: readonly string[],
  { environment, server }: Store,
  mint: TokenMint,
  stack: AsyncDisposableStack,
): Promise<Side | undefined> {
  if (!Broker.isInstalled()) return undefined;
  const broker = await Broker.prepare();
  stack.defer(() => broker.remove());
  const killed = () => void broker.stop();
  process.once("exit", killed);
  stack.defer(() => void process.off("exit", killed));
  await broker.start();

  const withData = serviceNames.filter((name) => name !== "edge");
  const together = withData.filter((name) => !apart.includes(name));
  const processes = [["edge"], ...apart.map((name) => [name]), together];
  const [edgePort, providerPort, callbackPort, ...ports] = await freePorts(3 + processes.length);
  const addresses = processes.flatMap((names, index) => names.map((name) => [addressSetting(name), ports[index]]));
  const shared = {
    ...environment,
    ...unlimited,
    ...Object.fromEntries(addresses.map(([setting, port]) => [setting, `127.0.0.1:${port}`])),
    NATS_URL: broker.url,
    ...mint.environment,
    EDGE_PORT: String(edgePort),
    VOUCHER_PROVIDER_PORT: String(providerPort),
    VOUCHER_CALLBACK_PORT: String(callbackPort),
  };
  const started = await Promise.all(
    processes.map(async (names, index) => {
      const process = await startServices(names, { ...shared, GRPC_PORT: String(ports[index]) });
      stack.defer(async () => void (await process.end()));
      return process;
    }),
  );
  const base = `http://127.0.0.1:${edgePort}`;
  while ((await fetch(`${base}/readyz`)).status !== 200) await sleep(50);
  return sideOf(base, [...started.map(pidOf), ...(broker.pid === undefined ? [] : [broker.pid])], server, mint);
}

function addressSetting(name: string): string {
  return `${name.toUpperCase().replaceAll("-", "_")}_ADDR`;
}
