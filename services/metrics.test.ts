import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import test from "ava";
import { pino } from "pino";
import { startMesh } from "./mesh.ts";
import { ConfigError } from "./platform/config.ts";
import { sqliteEngine, testConfig } from "./platform/testing/engines.ts";
import { freePorts } from "./platform/testing/free-ports.ts";
import { runMesh } from "./testing/running-mesh.ts";

const silent = pino({ level: "silent" });

/** The value of the first series whose name and labels match. */
function numberIn(metrics: string, series: RegExp): number {
  const line = metrics.split("\n").find((one) => series.test(one));
  return Number(line?.split(" ").at(-1));
}

test("the edge's metrics count requests, calls, commits and events, and have nothing of any one caller", async (t) => {
  const engine = sqliteEngine();
  const { mesh, anonymous, superAdmin } = await runMesh(engine);
  t.teardown(async () => {
    await mesh.stop();
    await engine.remove();
  });
  const username = "user-seen-nowhere";
  const password = "correct horse";
  await anonymous.post("/auth/register", { username, password });
  await anonymous.post("/auth/login", { username, password: "wrong password" });
  const user = await anonymous.login(username, password);
  for (let count = 0; count < 3; count++) await user.post("/members/me/points/charge", { amount: 10 });
  await user.get("/members/987654321/points");
  await user.get("/no-such-route/987654321");
  await superAdmin.get("/admin-api/ledger/audit");

  const { text } = await anonymous.get("/metrics");

  const charge = '{route="/members/:member_id/points/charge",method="POST"';
  t.is(numberIn(text, new RegExp(`^giftmesh_http_requests_total${charge},status="200"}`)), 3);
  t.is(numberIn(text, new RegExp(`^giftmesh_http_request_duration_seconds_count${charge}}`)), 3);
  t.is(numberIn(text, /^giftmesh_http_requests_total{route="none",method="GET",status="404"}/), 1);
  const rpcs = "^giftmesh_rpc_duration_seconds_count";
  const login = `${rpcs}{service="giftmesh.profile.v1.AuthService",method="Login"`;
  t.is(numberIn(text, new RegExp(`${login},code="UNAUTHENTICATED"}`)), 1);
  t.is(
    numberIn(text, new RegExp(`${rpcs}{service="giftmesh.wallet.v1.PointsService",method="ChargePoints",code="OK"}`)),
    3,
  );
  t.true(numberIn(text, /^giftmesh_lane_commands_total{lane="transfers"}/) >= 3);
  t.true(numberIn(text, /^giftmesh_lane_batches_total{lane="transfers"}/) >= 1);
  t.true(numberIn(text, /^giftmesh_lane_wait_seconds_total{lane="transfers"}/) > 0);
  for (const service of ["profile", "wallet", "notification"]) {
    t.true(numberIn(text, new RegExp(`^giftmesh_outbox_backlog{service="${service}"}`)) >= 0);
    t.is(numberIn(text, new RegExp(`^giftmesh_dead_letters{service="${service}"}`)), 0);
  }
  t.true(numberIn(text, /^process_resident_memory_bytes/) > 0);
  t.notRegex(text, /987654321|user-seen-nowhere/);
});

test("a process without the edge shows its metrics on METRICS_PORT", async (t) => {
  const engine = sqliteEngine();
  const [port] = await freePorts(1);
  const mesh = await startMesh(["wallet"], testConfig(engine, { METRICS_PORT: `${port}` }), silent);
  t.teardown(async () => {
    await mesh.stop();
    await engine.remove();
  });

  const metrics = await fetch(`http://127.0.0.1:${port}/metrics`);
  t.regex(metrics.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  t.regex(await metrics.text(), /^giftmesh_outbox_backlog{service="wallet"} 0$/m);
  const health = await fetch(`http://127.0.0.1:${port}/healthz`);
  t.deepEqual(await health.json(), { status: "ok" });
  t.is((await fetch(`http://127.0.0.1:${port}/other`)).status, 404);
});

test("a METRICS_PORT that is taken stops the start with a line that names it", async (t) => {
  const engine = sqliteEngine();
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  t.teardown(async () => {
    taken.close();
    await engine.remove();
  });
  const { port } = taken.address() as AddressInfo;

  const started = startMesh(["wallet"], testConfig(engine, { METRICS_PORT: `${port}` }), silent);

  await t.throwsAsync(started, { instanceOf: ConfigError, message: /^METRICS_PORT: .* is taken$/ });
});
