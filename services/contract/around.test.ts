import { execFile } from "node:child_process";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import test from "ava";
import { sqliteEngine } from "../platform/testing/engines.ts";
import { root, startProcess } from "../testing/processes.ts";
import type { RestClient } from "../testing/rest-client.ts";
import { runMesh } from "../testing/running-mesh.ts";

const engine = sqliteEngine();
const { mesh, anonymous, superAdmin } = await runMesh(engine, { GRPC_REFLECTION: "" });
test.after.always(async () => {
  await mesh.stop();
  await engine.remove();
});

/** A gRPC client that is not ours. */
async function bufCurl(...args: readonly string[]): Promise<string> {
  const fixed = ["curl", "--protocol", "grpc", "--http2-prior-knowledge"];
  const { stdout } = await promisify(execFile)("buf", [...fixed, ...args], { cwd: root });
  return stdout;
}

test("it says that it is alive, ready, and how it does", async (t) => {
  t.is((await anonymous.get("/healthz")).status, 200);
  t.is((await anonymous.get("/readyz")).status, 200);
  const metrics = await anonymous.get("/metrics");
  t.is(metrics.status, 200);
  t.regex(metrics.text, /^# HELP /);
});

test("it describes itself, and has a page to read and try it", async (t) => {
  const { status, body } = await anonymous.get("/openapi.json");
  t.is(status, 200);
  t.regex(String(body.openapi), /^3\.1\./);
  const page = await anonymous.get("/docs");
  t.is(page.status, 200);
  t.regex(page.headers.get("content-type") ?? "", /^text\/html/);
});

test("every service is there by gRPC, with reflection", async (t) => {
  const listed = await bufCurl(`http://127.0.0.1:${mesh.grpcPort}`, "--list-services");
  for (const service of [
    "giftmesh.profile.v1.AuthService",
    "giftmesh.wallet.v1.PointsService",
    "giftmesh.wallet.v1.LedgerService",
    "giftmesh.notification.v1.MailboxService",
    "giftmesh.events.v1.DeadLetterService",
  ]) {
    t.true(listed.includes(service), service);
  }
  const health = startProcess("services/platform/rpc/health-check.ts", [`127.0.0.1:${mesh.grpcPort}`], {});
  t.is(await health.exited, 0, health.output());
});

test("buf curl makes a transfer, and is refused one that cannot be", async (t) => {
  const { id } = await anonymous.newUser();
  const url = `http://127.0.0.1:${mesh.grpcPort}/giftmesh.wallet.v1.LedgerService/Transfer`;
  const transfer = {
    id: "by-buf-curl",
    debit: { system: "SYSTEM_ACCOUNT_PROMOTIONS" },
    credit: { userId: String(id) },
    amount: { currencyCode: "SAR", minorUnits: "500" },
    type: "TRANSFER_TYPE_GIFT_CARD_REDEEM",
  };
  const made = JSON.parse(await bufCurl(url, "--data", JSON.stringify(transfer)));
  t.like(made.transfer, { id: "by-buf-curl", creditWallet: { balance: { currencyCode: "SAR", minorUnits: "500" } } });
  t.like((await superAdmin.get(`/members/${id}/points`)).body.data, { balance: "5.00" });

  const tooMuch = { ...transfer, id: "too-much", debit: transfer.credit, credit: { system: "SYSTEM_ACCOUNT_SALES" } };
  const refused = await t.throwsAsync(
    bufCurl(url, "--data", JSON.stringify({ ...tooMuch, amount: { currencyCode: "SAR", minorUnits: "501" } })),
  );
  t.regex(refused.message, /failed_precondition/);
  const [, info = ""] = /"google.rpc.ErrorInfo",\s*"value": "([^"]*)"/.exec(refused.message) ?? [];
  t.regex(Buffer.from(info, "base64").toString("latin1"), /INSUFFICIENT_BALANCE.*giftmesh/s);
});

test("a developer with a token calls public RPCs by gRPC too, and without one is refused", async (t) => {
  const url = `http://127.0.0.1:${mesh.grpcPort}/giftmesh.wallet.v1.PointsService/GetPoints`;
  const { client } = await anonymous.newUser();
  const data = ["--data", '{"memberId":"me"}'];
  const points = JSON.parse(await bufCurl(url, ...data, "--header", `authorization: Bearer ${client.token}`));
  t.like(points, { balance: "0.00", currency: "SAR" });
  const refused = await t.throwsAsync(bufCurl(url, ...data));
  t.regex(refused.message, /unauthenticated/);
});

test("Connect JSON answers as protobuf has it, and takes an amount as a number too", async (t) => {
  const { client } = await anonymous.newUser();
  const charge = await client.post("/giftmesh.wallet.v1.PointsService/ChargePoints", { memberId: "me", amount: 12.5 });
  t.is(charge.status, 200);
  t.like(charge.body, { balance: "12.50", currency: "SAR" });
  t.is(typeof (charge.body as { walletId?: unknown }).walletId, "string");
  const refused = await client.post("/giftmesh.wallet.v1.PointsService/ChargePoints", { memberId: "me", amount: "x" });
  t.is(refused.status, 400);
  t.like(refused.body, { code: "invalid_argument" });
});

test("an error is in the envelope even where HTTP itself is broken", async (t) => {
  for (const [request, status] of [
    ["NONSENSE\r\n\r\n", 400],
    ["GET /products HTTP/1.1\r\n\r\n", 400],
    ["GET /products HTTP/1.1\r\nhost: a\r\nexpect: gold\r\n\r\n", 417],
    [`GET /products HTTP/1.1\r\nhost: a\r\nx: ${"a".repeat(20_000)}\r\n\r\n`, 431],
  ] as const) {
    const socket = connect(Number(new URL(anonymous.base).port), "127.0.0.1");
    socket.write(request);
    const [head = "", body = ""] = (await text(socket)).split("\r\n\r\n");
    t.is(Number(head.split(" ")[1]), status);
    const error = JSON.parse(body);
    t.deepEqual(Object.keys(error), ["success", "message", "code", "request_id"]);
    t.false(error.success);
  }
});

test("Connect binary that is not protobuf is the client's fault", async (t) => {
  const { status, body } = await anonymous.request("POST", "/giftmesh.profile.v1.AuthService/Login", {
    body: "{",
    headers: { "content-type": "application/proto" },
  });
  t.is(status, 400);
  t.like(body, { code: "invalid_argument" });
});

test("unknown fields are ignored, unknown routes are 404, and request ids come back", async (t) => {
  const { client } = await anonymous.newUser();
  t.is((await client.post("/members/me/points/charge", { amount: 1, unknown: { a: [1] } })).status, 200);
  const lost = await client.request("GET", "/nowhere", { headers: { "x-request-id": "mine-17" } });
  t.is(lost.status, 404);
  t.is(lost.headers.get("x-request-id"), "mine-17");
  t.like(lost.body, { success: false, request_id: "mine-17" });
  t.is((await client.request("DELETE", "/auth/me")).status, 404);
});

test("callers are limited by their role as the contract says, and told when to come back", async (t) => {
  const own = sqliteEngine();
  const rates = {
    RATE_LIMIT_ANONYMOUS_PER_MINUTE: "",
    RATE_LIMIT_USER_PER_MINUTE: "",
    RATE_LIMIT_ADMIN_PER_MINUTE: "",
  };
  const limited = await runMesh(own, rates);
  const until429 = async (client: RestClient, path: string) => {
    for (let count = 0; ; count++) {
      const { status, headers, body } = await client.get(path);
      if (status !== 429) continue;
      t.is(body.code, "RATE_LIMITED");
      const seconds = Number(headers.get("retry-after"));
      t.true(seconds >= 1 && seconds <= 60);
      return count;
    }
  };
  const { client } = await limited.anonymous.newUser();
  t.is(await until429(client, "/auth/me"), 120);
  t.is(await until429(limited.superAdmin, "/auth/me"), 60);
  // The sign-up and the two sign-ins before were anonymous too.
  t.is(await until429(limited.anonymous, "/.well-known/jwks.json"), 57);
  await limited.mesh.stop();
  await own.remove();
});

test("in production the development mailbox is not there", async (t) => {
  const own = sqliteEngine();
  const production = await runMesh(own, { NODE_ENV: "production" });
  t.is((await production.anonymous.get("/dev/messages")).status, 404);
  const { paths } = (await production.anonymous.get("/openapi.json")).body as { paths?: object };
  t.false(Object.hasOwn(paths ?? {}, "/dev/messages"));
  await production.mesh.stop();
  await own.remove();
});

test("browsers of other origins may call it", async (t) => {
  const preflight = await fetch(`${anonymous.base}/members/me/points`, {
    method: "OPTIONS",
    headers: {
      origin: "https://shop.example",
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,content-type,idempotency-key",
    },
  });
  t.true(preflight.ok);
  t.is(preflight.headers.get("access-control-allow-origin"), "*");
});
