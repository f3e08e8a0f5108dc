import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { allSent, environmentOf, haveAllCome, Scene } from "./payment/data-platform/testing/flow.ts";
import { orders } from "./payment/data-platform/testing/orders.ts";
import { createAuthority } from "./platform/rpc/testing/certificates.ts";
import { startProcess as startServer } from "./platform/rpc/testing/mesh.ts";
import { sqliteEngine } from "./platform/testing/engines.ts";
import { eventually } from "./platform/testing/eventually.ts";
import { freePorts } from "./platform/testing/free-ports.ts";
import { startProcess } from "./testing/processes.ts";

const base = 1_795_000_000_000_000n; // 2026-11-18T11:06:40Z
const second = 1_000_000n;

interface Ran {
  readonly code: number | null;
  readonly output: string;
}

async function replay(args: readonly string[], environment: Readonly<Record<string, string>>): Promise<Ran> {
  const program = startProcess("services/replay.ts", args, environment);
  const code = await program.exited;
  return { code, output: program.output() };
}

/** A shop, and the platform that it sends to, until the test ends. */
async function open(t: ExecutionContext) {
  const scene = new Scene(sqliteEngine());
  t.teardown(() => scene.end());
  const platform = await scene.platform();
  const shop = await scene.shop(undefined, { environment: environmentOf(platform.url) });
  return { scene, platform, shop };
}

test.serial("it has sent again what happened since an instant, tells how far that is, and ends", async (t) => {
  const { platform, shop } = await open(t);
  const { address } = await startServer(t, [shop.served]);
  const happenings = orders(4, 25).map((one, index) => ({ ...one, occurredAt: base + BigInt(index) * second }));
  await shop.happen(...happenings);
  await allSent(shop);
  platform.forget();
  const from = ["--from", "2026-11-18T12:07:10.000000+01:00"];
  const { code, output } = await replay([...from, "--to", "2026-11-18T11:07:29Z"], { PAYMENT_ADDR: address });
  t.is(code, 0, output);
  t.regex(
    output,
    /^20 will be sent again\. They are, even if this is stopped\.\n(?:\d+ waiting, 0 dead\n)*0 waiting, 0 dead\n$/,
  );
  haveAllCome(t, platform, happenings.slice(30, 50));
});

test.serial("it has sent again what is dead", async (t) => {
  const { platform, shop } = await open(t);
  const { server } = await startServer(t, [shop.served]);
  platform.behave({ status: 422 });
  await shop.happen(...orders(3, 1));
  await eventually(async () => (await shop.counts()).dead === 3);
  platform.behave({});
  const { code, output } = await replay(["--dead"], { GRPC_PORT: String(server.port) });
  t.is(code, 0, output);
  t.regex(output, /^3 will be sent again/);
  t.is(platform.events.length, 3);
});

test.serial("it shows the mesh's certificate where the mesh has them", async (t) => {
  const { scene, shop } = await open(t);
  const mesh = await createAuthority();
  const { address } = await startServer(t, [shop.served], { grpcTls: await mesh.issue("payment") });
  const own = await mesh.issue("operator");
  const files = { GRPC_TLS_CERT: own.certificate, GRPC_TLS_KEY: own.key, GRPC_TLS_CA: own.authority };
  const environment: Record<string, string> = { PAYMENT_ADDR: address };
  for (const [name, content] of Object.entries(files)) {
    environment[name] = join(scene.engine.environment.DATA_DIR ?? "", name);
    writeFileSync(environment[name], content);
  }
  t.deepEqual(await replay(["--dead"], environment), {
    code: 0,
    output: "0 will be sent again. They are, even if this is stopped.\n0 waiting, 0 dead\n",
  });
});

test.serial("it is told in a line what is wrong with its arguments", async (t) => {
  const { code, output } = await replay(["--from", "yesterday"], {});
  t.is(code, 1);
  t.is(output, '--from: must be an instant such as 2026-11-01T00:00:00Z, not "yesterday"\n');
});

test.serial("where the payment service is not there, it says so and where it looked", async (t) => {
  const [port = 0] = await freePorts(1);
  const { code, output } = await replay(["--dead"], { GRPC_PORT: String(port) });
  t.is(code, 1);
  t.is(output, `127.0.0.1:${port}: the payment service cannot be reached\n`);
});
