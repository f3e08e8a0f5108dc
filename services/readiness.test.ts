import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { serviceNames } from "./mesh.ts";
import { sqliteEngine } from "./platform/testing/engines.ts";
import { freePorts } from "./platform/testing/free-ports.ts";
import { startServices } from "./testing/processes.ts";
import { runMesh } from "./testing/running-mesh.ts";

/** Waits until the edge answers so; throws where it does not within 30 s. */
async function answers(url: string, status: number): Promise<void> {
  const until = Date.now() + 30_000;
  while ((await fetch(url)).status !== status) {
    if (Date.now() > until) throw new Error(`${url} does not answer ${status}`);
    await sleep(50);
  }
}

test("a mesh in one process is ready once it knows the keys of tokens and which sessions have ended", async (t) => {
  const engine = sqliteEngine();
  const { mesh } = await runMesh(engine);
  t.teardown(async () => {
    await mesh.stop();
    await engine.remove();
  });
  await t.notThrowsAsync(answers(`${mesh.edgeUrl}readyz`, 200));
});

test("an edge is ready while the services that it has addresses of serve, and alive all the time", async (t) => {
  const engine = sqliteEngine();
  const [edgePort, grpcPort] = await freePorts(2);
  const address = `127.0.0.1:${grpcPort}`;
  const environment = {
    ...engine.environment,
    EDGE_PORT: `${edgePort}`,
    GRPC_PORT: `${grpcPort}`,
    PROFILE_ADDR: address,
    WALLET_ADDR: address,
    NOTIFICATION_ADDR: address,
  };
  const others = serviceNames.filter((name) => name !== "edge");
  const startOthers = () => startServices(others, environment);
  const running = [await startServices(["edge"], environment)];
  t.teardown(async () => {
    for (const one of running) await one.end();
    await engine.remove();
  });
  const base = `http://127.0.0.1:${edgePort}`;

  t.is((await fetch(`${base}/readyz`)).status, 503);
  const started = await startOthers();
  running.push(started);
  await t.notThrowsAsync(answers(`${base}/readyz`, 200));

  await started.end("SIGKILL");
  await t.notThrowsAsync(answers(`${base}/readyz`, 503));
  t.is((await fetch(`${base}/healthz`)).status, 200);

  running.push(await startOthers());
  await t.notThrowsAsync(answers(`${base}/readyz`, 200));
});
