import { createServer, type RequestListener, type Server } from "node:http";
import test, { type ExecutionContext } from "ava";
import { pino } from "pino";
import { ConfigError } from "./config.ts";
import { InProcessTransport } from "./events/in-process-transport.ts";
import { HostedService } from "./hosted-service.ts";
import { type Listening, startListener } from "./listener.ts";
import { Dispatcher } from "./rpc/dispatcher.ts";
import { MeshClients } from "./rpc/mesh-clients.ts";
import type { ServiceDefinition } from "./service.ts";
import { sqliteEngine, testConfig } from "./testing/engines.ts";

const host = "127.0.0.1";
const log = pino({ level: "silent" });

/** A server that is not left behind. */
function newServer(t: ExecutionContext, handle: RequestListener): Server {
  const server = createServer(handle);
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return server;
}

const listenerOf = (server: Server, port = 0) => ({ setting: "BELL_PORT", port, title: "bells", server });

test("a listener on port 0 has any that is free, and says which", async (t) => {
  const { url, stop } = await startListener(listenerOf(newServer(t, (_, response) => response.end("here"))), host);
  t.regex(url.href, /^http:\/\/127\.0\.0\.1:[0-9]+\/$/);
  t.is(await (await fetch(url)).text(), "here");
  await stop();
  await t.throwsAsync(fetch(url));
});

test("a port that is taken is a line that names its setting", async (t) => {
  const { url } = await startListener(listenerOf(newServer(t, () => undefined)), host);
  const second = startListener(
    listenerOf(
      newServer(t, () => undefined),
      Number(url.port),
    ),
    host,
  );
  await t.throwsAsync(second, { instanceOf: ConfigError, message: `BELL_PORT: ${url.host} is taken` });
});

test("an address of another machine is a line that names HOST", async (t) => {
  const started = startListener(listenerOf(newServer(t, () => undefined)), "192.0.2.1");
  await t.throwsAsync(started, { instanceOf: ConfigError, message: "HOST: 192.0.2.1 is not of this machine" });
});

test("a listener that closes lets requests in progress end, and takes no more", async (t) => {
  const arrived = Promise.withResolvers<() => void>();
  const server = newServer(t, (_, response) => arrived.resolve(() => response.end("after all")));
  const { url, stop } = await startListener(listenerOf(server), host);
  const asked = fetch(url);
  const answer = await arrived.promise;
  const stopped = stop();
  await t.throwsAsync(fetch(url));
  answer();
  t.is(await (await asked).text(), "after all");
  await stopped;
});

test("a listener that closes waits for no request that does not end", async (t) => {
  const arrived = Promise.withResolvers<void>();
  const { url, stop } = await startListener(listenerOf(newServer(t, () => arrived.resolve())), host);
  const asked = t.throwsAsync(fetch(url));
  await arrived.promise;
  await stop();
  await asked;
});

test("a service listens before its workers start, others of its process can ask where, and it closes with it", async (t) => {
  const engine = sqliteEngine();
  const config = testConfig(engine);
  const clients = new MeshClients({ config, dispatcher: new Dispatcher({ log }), log });
  const listening: Listening = new Map();
  const heard = Promise.withResolvers<string>();
  const definition: ServiceDefinition = {
    name: "bells",
    migrations: [],
    create: async (platform) => ({
      serves: [],
      listens: [listenerOf(newServer(t, (_, response) => response.end("ding")))],
      workers: [
        {
          name: "ring",
          everyMs: 60_000,
          alone: false,
          run: async () => heard.resolve(await (await fetch(String(platform.listening("BELL_PORT")))).text()),
        },
      ],
    }),
  };
  const transport = new InProcessTransport();
  const service = await HostedService.open(definition, { config, clients, transport, log, listening });
  t.teardown(async () => {
    await service.close();
    await engine.remove();
  });
  await service.listen();
  service.start();
  t.is(await heard.promise, "ding");
  const url = listening.get("BELL_PORT");
  t.deepEqual(service.announcements, [`bells  ${url?.origin}`]);
  await service.stop();
  await t.throwsAsync(fetch(String(url)));
});
