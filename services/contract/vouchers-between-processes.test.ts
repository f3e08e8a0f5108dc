import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { VoucherService } from "../../gen/giftmesh/voucher/v1/voucher_service_pb.ts";
import { startMesh } from "../mesh.ts";
import { createLog } from "../platform/logging.ts";
import { sqliteEngine, testConfig } from "../platform/testing/engines.ts";
import { eventually } from "../platform/testing/eventually.ts";
import { RestClient } from "../testing/rest-client.ts";
import { unlimited } from "../testing/running-mesh.ts";
import { PlayedIntegration } from "../voucher/codes/testing/playing-integration.ts";
import { askConnectStream } from "./testing/connect-stream.ts";
import { dataOf } from "./testing/shop.ts";
import { newPhone, type RequestData, type WatchedData } from "./testing/vouchers/voucher-house.ts";

/** Meshes that meet over gRPC only: the services in one, the edge in another. */
async function openHouse() {
  const engine = sqliteEngine();
  const integration = new PlayedIntegration();
  const environment = { ...unlimited, VOUCHER_LATE_AFTER_MS: "30000", LOG_LEVEL: "silent" };
  const config = testConfig(engine, environment);
  const services = await startMesh(["profile", "notification", "voucher"], config, createLog(config), [
    integration.definition,
  ]);
  const address = `127.0.0.1:${services.grpcPort}`;
  const addresses = { PROFILE_ADDR: address, NOTIFICATION_ADDR: address, VOUCHER_ADDR: address };
  const edgeConfig = testConfig(engine, { ...environment, ...addresses });
  const edge = await startMesh(["edge"], edgeConfig, createLog(edgeConfig));
  const client = new RestClient(String(edge.edgeUrl));
  return {
    integration,
    services,
    edge,
    client,
    async ask() {
      const phone = newPhone();
      const query = `phoneNumber=${encodeURIComponent(phone)}`;
      return { phone, ...dataOf<RequestData>(await client.post(`/voucher?${query}`)) };
    },
    pathOf: ({ request_id, watch_token }: RequestData) => `/voucher/requests/${request_id}?token=${watch_token}`,
    async close() {
      await edge.stop();
      await services.stop();
      await engine.remove();
    },
  };
}

const house = await openHouse();
const { client, integration, ask, pathOf } = house;
test.after.always(() => house.close());

const deliver = ({ request_id }: RequestData, code: string) =>
  integration.deliver({ requestId: BigInt(request_id), code });

test.serial("one may wait longer than calls usually take, by REST and by Connect", async (t) => {
  const request = await ask();
  const connect = { request_id: request.request_id, token: request.watch_token, wait: 30 };
  const waits = [
    client.get(`${pathOf(request)}&wait=30`),
    client.post("/giftmesh.voucher.v1.VoucherService/GetRequestedCode", connect),
  ] as const;
  await sleep(11_000);
  await deliver(request, "AFTER-A-WHILE");
  const [rest, json] = await Promise.all(waits);
  t.is(dataOf<WatchedData>(rest).voucher_code, "AFTER-A-WHILE");
  t.like(json.body.requestedCode, { voucherCode: "AFTER-A-WHILE" });
});

test.serial("streams go through to whoever reads them", async (t) => {
  const request = await ask();
  const events = client.get(pathOf(request).replace("?", "/events?"));
  const fields = { request_id: request.request_id, token: request.watch_token };
  const stream = askConnectStream(client, VoucherService.method.watchRequestedCode, fields);
  await sleep(500);
  await deliver(request, "STREAMED");
  t.is((await events).text.match(/^data: /gm)?.length, 2);
  t.true((await events).text.includes('"voucher_code":"STREAMED"'));
  t.deepEqual(
    (await stream).messages.map((text) => JSON.parse(text).requestedCode.voucherCode),
    [undefined, "STREAMED"],
  );
});

test.serial("who goes away while waiting is not shown the code", async (t) => {
  const request = await ask();
  const gone = new AbortController();
  const waiting = [`${pathOf(request)}&wait=30`, pathOf(request).replace("?", "/events?")].map((path) =>
    t.throwsAsync(fetch(client.base + path, { signal: gone.signal }).then((response) => response.text())),
  );
  await sleep(500);
  gone.abort();
  await Promise.all(waiting);
  await sleep(200);
  await deliver(request, "FOR-WHO-IS-THERE");
  await sleep(1_000);
  t.is(dataOf<WatchedData>(await client.get(pathOf(request))).voucher_code, "FOR-WHO-IS-THERE");
});

test.serial("well over a thousand who wait hold up nobody, and each is told", async (t) => {
  const requests: RequestData[] = [];
  // Not all at once: the machine that asks is the one that answers.
  for (let round = 0; round < 12; round++) requests.push(...(await Promise.all(Array.from({ length: 100 }, ask))));
  const waits = requests.map((request) => client.get(`${pathOf(request)}&wait=30`));
  await sleep(1_500);
  const startedAt = performance.now();
  const another = await ask();
  t.like(dataOf<WatchedData>(await client.get(pathOf(another))), { status: "processing" });
  t.true(performance.now() - startedAt < 2_000);
  for (let start = 0; start < requests.length; start += 100) {
    const some = requests.slice(start, start + 100);
    const made = some.map(({ request_id }) => ({ requestId: BigInt(request_id), code: `CODE-${request_id}` }));
    await integration.deliver(...made);
  }
  for (const [index, { request_id }] of requests.entries()) {
    const answer = await waits[index];
    t.is(answer && dataOf<WatchedData>(answer).voucher_code, `CODE-${request_id}`);
  }
});

test.serial("where voucher stops, or the edge, nobody is kept waiting", async (t) => {
  const own = await openHouse();
  const request = await own.ask();
  const waiting = own.client.get(`${own.pathOf(request)}&wait=30`);
  await sleep(500);
  const startedAt = performance.now();
  await own.services.stop();
  t.like(dataOf<WatchedData>(await waiting), { status: "processing" });
  t.true(performance.now() - startedAt < 5_000);
  await own.close();

  const next = await openHouse();
  const another = await next.ask();
  const stillWaiting = next.client.get(`${next.pathOf(another)}&wait=30`);
  await sleep(500);
  const stoppedAt = performance.now();
  await next.edge.stop();
  const { status } = await stillWaiting;
  t.true([200, 503].includes(status), `${status}`);
  t.true(performance.now() - stoppedAt < 3_500);
  await next.close();
});

test.serial("what was asked is not forgotten when who waited for it comes back", async (t) => {
  const request = await ask();
  await deliver(request, "STILL-HERE");
  await eventually(
    async () => dataOf<WatchedData>(await client.get(`${pathOf(request)}&wait=5`)).status === "delivered",
  );
  t.is(dataOf<WatchedData>(await client.get(pathOf(request))).voucher_code, "STILL-HERE");
});
