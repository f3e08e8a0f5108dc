import { execFile } from "node:child_process";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import test from "ava";
import { anyPorts, type Engine, sqliteEngine } from "./platform/testing/engines.ts";
import { freePorts } from "./platform/testing/free-ports.ts";
import { startProcess } from "./testing/processes.ts";

const engines: Engine[] = [];
test.after.always(async () => {
  for (const engine of engines) await engine.remove();
});

function newDirectory(): Readonly<Record<string, string>> {
  const engine = sqliteEngine();
  engines.push(engine);
  return engine.environment;
}

const main = (names: readonly string[], environment: Readonly<Record<string, string>>) =>
  startProcess("services/main.ts", names, {
    LOG_LEVEL: "error",
    ...anyPorts,
    ...newDirectory(),
    ...environment,
  });

test("everything starts, says where it is and what to try, and stops at Ctrl-C", async (t) => {
  const directory = newDirectory();
  const started = main([], directory);
  await started.says("giftmesh is ready");
  await started.says(/curl .*members\/me\/points -H/);
  t.regex(started.output(), /HTTP {2}http:\/\/127\.0\.0\.1:\d+\n/);
  t.regex(started.output(), /password "\S{20}"/);
  t.is(await started.end("SIGINT"), 0);

  const again = main([], directory);
  await again.says("giftmesh is ready");
  t.notRegex(again.output(), /password "/, "the password is shown once");
  again.child.kill("SIGINT");
  await sleep(10);
  t.is(await again.end("SIGINT"), 0, "npm and the terminal both pass on the same Ctrl-C");
});

test("the calls that it gives to try are calls that work", async (t) => {
  const started = main([], {});
  await started.says(/curl .*members\/me\/points -H/);
  const calls = started.output().split("Try:\n")[1]?.trim().split("\n").join("\n");
  const { stdout } = await promisify(execFile)("sh", ["-c", calls ?? ""]);
  t.regex(stdout, /"username":"sara"/);
  t.is(stdout.match(/"balance":"200.00"/g)?.length, 3, "the charge, the wallet and the list of wallets");
  t.is(await started.end("SIGTERM"), 0);
});

const wrong = [
  { environment: { EDGE_PORT: "eighty" }, line: /^EDGE_PORT: must be a whole number from 0 to 65535, not "eighty"\n$/ },
  { environment: { DATABASE_URL: "postgres://secret@host" }, line: /^DATABASE_URL: must be a URL .*mysql:\/\/\n$/ },
  { environment: { LOG_LEVEL: "loud" }, line: /^LOG_LEVEL: must be one of .*\n$/ },
  { environment: { DEFAULT_CURRENCY: "riyal" }, line: /^DEFAULT_CURRENCY: must be three capital letters\n$/ },
  { environment: { DEFAULT_CURRENCY: "XXX" }, line: /^DEFAULT_CURRENCY: .*\n$/ },
  { environment: { WALLET_ADDR: "wallet" }, line: /^WALLET_ADDR: must be host:port, not "wallet"\n$/ },
  { environment: { GRPC_TLS_CERT: "/nowhere" }, line: /^GRPC_TLS_CERT: cannot read \/nowhere \(ENOENT\)\n$/ },
  { environment: { SIGNING_KEYS: "/nowhere" }, line: /^SIGNING_KEYS: .*\n$/ },
  { environment: { ADMIN_PASSWORD: "short" }, line: /^ADMIN_PASSWORD: must be 8 to 128 characters\n$/ },
  { environment: { DATA_DIR: "/dev/null/data" }, line: /^DATA_DIR: \/dev\/null\/data cannot be written to: .*\n$/ },
  { environment: {}, names: ["wallet"], line: /^NATS_URL: .*\n$/ },
  {
    environment: { DATABASE_URL: "mysql://nobody:wrong@127.0.0.1:1" },
    names: ["edge", "nothing"],
    line: /^There is no service nothing; there are .*edge\n$/,
  },
];
for (const { environment, names = [], line } of wrong) {
  test.serial(`${JSON.stringify({ ...environment, names })} stops the start with one line`, async (t) => {
    const started = main(names, environment as Record<string, string>);
    t.is(await started.exited, 1);
    t.regex(started.output(), line);
    t.notRegex(started.output(), /secret/);
  });
}

for (const setting of ["EDGE_PORT", "GRPC_PORT", "VOUCHER_PROVIDER_PORT", "VOUCHER_CALLBACK_PORT"]) {
  test.serial(`a ${setting} that is taken stops the start with one line`, async (t) => {
    const [port = 0] = await freePorts(1);
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(port, "127.0.0.1", resolve));
    const started = main([], { [setting]: String(port) });
    t.is(await started.exited, 1);
    t.regex(started.output(), new RegExp(`^${setting}: .*127\\.0\\.0\\.1:${port}.*\\n$`));
    await new Promise((resolve) => squatter.close(resolve));
  });
}
