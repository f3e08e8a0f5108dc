import { execFile } from "node:child_process";
import { on, once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { fromBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import test from "ava";
import { service as health } from "grpc-health-check";
import { BadRequestSchema, ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { openChannel } from "./channel.ts";
import { echo, serveTransfers } from "./testing/ledger.ts";
import { startProcess } from "./testing/mesh.ts";

const run = promisify(execFile);
const healthCheck = new URL("health-check.ts", import.meta.url).pathname;

/** A gRPC client that is not ours. */
async function bufCurl(...options: readonly string[]): Promise<string> {
  const { stdout } = await run("node_modules/.bin/buf", [
    "curl",
    "--protocol",
    "grpc",
    "--http2-prior-knowledge",
    ...options,
  ]);
  return stdout;
}

test.serial("buf curl lists the services that are served here, health among them, and no others", async (t) => {
  const { address } = await startProcess(t, [serveTransfers(echo)], { grpcReflection: true });
  t.deepEqual((await bufCurl("--list-services", `http://${address}`)).trim().split("\n"), [
    "giftmesh.wallet.v1.LedgerService",
    "grpc.health.v1.Health",
  ]);
});

for (const version of ["v1", "v1alpha"]) {
  test.serial(
    `who asks reflection (${version}) for what is no request is told so, and others are answered`,
    async (t) => {
      const { address } = await startProcess(t, [serveTransfers(echo)], { grpcReflection: true });
      const channel = openChannel(address, undefined);
      t.teardown(() => channel.close());
      const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
      const same = (bytes: Buffer) => bytes;
      const stream = channel.makeBidiStreamRequest(path, same, same);
      stream.on("data", () => undefined);
      stream.write(Buffer.from("ffffffff", "hex"));
      const [error] = await once(stream, "error").catch((error) => [error]);
      t.like(error, { code: status.INVALID_ARGUMENT, details: "The request is not a ServerReflectionRequest" });
      t.regex(await bufCurl("--list-services", `http://${address}`), /LedgerService/);
    },
  );
}

test.serial("who asks reflection, and goes away before it is answered, leaves the server as it was", async (t) => {
  const { address } = await startProcess(t, [serveTransfers(echo)], { grpcReflection: true });
  const path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
  const same = (bytes: Buffer) => bytes;
  // list_services, of an empty host.
  const request = Buffer.from("3a00", "hex");
  for (const waitMs of [0, 0, 1, 5, 20, 100, 300]) {
    const channel = openChannel(address, undefined);
    const stream = channel.makeBidiStreamRequest(path, same, same);
    stream.on("data", () => undefined).on("error", () => undefined);
    for (let time = 0; time < 500; time++) stream.write(request);
    await sleep(waitMs);
    stream.cancel();
    channel.close();
  }
  await sleep(300);
  t.regex(await bufCurl("--list-services", `http://${address}`), /LedgerService/);
});

test.serial("buf curl finds out by reflection how to call an RPC, and calls it", async (t) => {
  const { address } = await startProcess(t, [serveTransfers(echo)], { grpcReflection: true });
  const request = {
    id: "from-afar",
    debit: { userId: "1" },
    credit: { system: "SYSTEM_ACCOUNT_SALES" },
    amount: { currencyCode: "SAR", minorUnits: "5" },
    type: "TRANSFER_TYPE_PAYMENT",
  };
  const url = `http://${address}/giftmesh.wallet.v1.LedgerService/Transfer`;
  t.like(JSON.parse(await bufCurl("--data", JSON.stringify(request), url)), { transfer: { id: "from-afar" } });
  const refused = await t.throwsAsync(bufCurl("--data", JSON.stringify({ ...request, id: "" }), url));
  const { code, details } = JSON.parse((refused as Error & { stderr: string }).stderr);
  t.is(code, "invalid_argument");
  t.deepEqual(
    details.map((detail: { type: string }) => detail.type),
    ["google.rpc.ErrorInfo", "google.rpc.BadRequest"],
  );
  t.like(fromBinary(ErrorInfoSchema, Buffer.from(details[0].value, "base64")), {
    reason: "VALIDATION_ERROR",
    domain: "giftmesh",
  });
  t.like(fromBinary(BadRequestSchema, Buffer.from(details[1].value, "base64")), {
    fieldViolations: [{ field: "id", description: "The id field is required." }],
  });
});

test.serial("buf curl finds out by reflection how to ask for the health of a service", async (t) => {
  const { address } = await startProcess(t, [serveTransfers(echo)], { grpcReflection: true });
  const data = JSON.stringify({ service: "giftmesh.wallet.v1.LedgerService" });
  const answer = await bufCurl("--data", data, `http://${address}/grpc.health.v1.Health/Check`);
  t.deepEqual(JSON.parse(answer), { status: "SERVING" });
});

test.serial("without reflection nobody is told what is served", async (t) => {
  const { address } = await startProcess(t, [serveTransfers(echo)]);
  await t.throwsAsync(bufCurl("--list-services", `http://${address}`));
});

test.serial(
  "the health check says yes of the server and each service that it serves, and no of any other",
  async (t) => {
    const { address } = await startProcess(t, [serveTransfers(echo)]);
    for (const service of [[], ["giftmesh.wallet.v1.LedgerService"]]) {
      await t.notThrowsAsync(run(process.execPath, [healthCheck, address, ...service]));
    }
    await t.throwsAsync(run(process.execPath, [healthCheck, address, "giftmesh.wallet.v1.PointsService"]), {
      code: 1,
    });
  },
);

test.serial("the health check says no of a server that has stopped", async (t) => {
  const { address, server } = await startProcess(t, []);
  await server.stop();
  const failure = await t.throwsAsync(run(process.execPath, [healthCheck, address]));
  t.like(failure, { code: 1 });
  t.regex((failure as Error & { stderr: string }).stderr, /^14 UNAVAILABLE[^\n]*\n$/);
});

test.serial("who watches the health is told NOT_SERVING first, and the server stops though they stay", async (t) => {
  const { address, server } = await startProcess(t, []);
  const channel = openChannel(address, undefined);
  t.teardown(() => channel.close());
  const { path, requestSerialize, responseDeserialize } = health.Watch as NonNullable<typeof health.Watch>;
  const watch = channel.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { service: "" });
  const seen: unknown[] = [];
  const ended = new Promise((resolve) => watch.on("error", resolve));
  for await (const [{ status }] of on(watch, "data")) {
    seen.push(status);
    if (seen.length === 1) void server.stop();
    if (seen.length === 2) break;
  }
  t.deepEqual(seen, ["SERVING", "NOT_SERVING"]);
  await t.notThrowsAsync(ended);
});
