import { once } from "node:events";
import type { Server } from "node:http";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import { pino } from "pino";
import { startListener } from "../../platform/listener.ts";
import { eventually } from "../../platform/testing/eventually.ts";
import { requestText, sendRaw } from "../testing/raw-http.ts";
import { callbackText, goodBody, newVerifier, path } from "../testing/wrong-callbacks.ts";
import { type CallbackServerParts, createCallbackServer, type Verdict } from "./callback-server.ts";

const log = pino({ level: "silent" });

async function start(t: ExecutionContext, take: CallbackServerParts["take"]) {
  const verdicts: Verdict[] = [];
  const server = createCallbackServer({ take, onCallback: (verdict) => verdicts.push(verdict), log });
  const { url, stop } = await startListener({ setting: "PORT", port: 0, title: "", server }, "127.0.0.1");
  t.teardown(stop);
  return { url, verdicts, server };
}

/** Sends bytes, hears what comes until the other side has no more to say, and stays where it is. */
async function sendAndStay(url: URL, bytes: string) {
  const socket = connect({ port: Number(url.port), host: url.hostname, allowHalfOpen: true });
  socket.write(bytes);
  socket.resume();
  await once(socket, "end");
  return socket;
}

function connectionsOf(server: Server): Promise<number> {
  return new Promise((resolve) => server.getConnections((_, count) => resolve(count)));
}

test("a callback that is not known is looked at once more before it is refused", async (t) => {
  const looks: number[] = [];
  const { url, verdicts } = await start(t, async () => {
    looks.push(performance.now());
    return looks.length === 2 ? "taken" : "left";
  });
  t.regex((await sendRaw(url, callbackText(goodBody(newVerifier())))).text, /^HTTP\/1\.1 200 /);
  t.is(looks.length, 2);
  t.true((looks[1] ?? 0) - (looks[0] ?? 0) > 300);
  t.deepEqual(verdicts, ["accepted"]);
  t.regex((await sendRaw(url, callbackText(goodBody(newVerifier())))).text, /^HTTP\/1\.1 403 /);
  t.is(looks.length, 4);
});

test("a callback that cannot be looked into is a 503, so that it comes again", async (t) => {
  const { url, verdicts } = await start(t, async () => {
    throw new Error("the database is away");
  });
  const { text, tookMs } = await sendRaw(url, callbackText(goodBody(newVerifier())));
  t.regex(text, /^HTTP\/1\.1 503 /);
  t.notRegex(text, /database/);
  t.true(tookMs > 490);
  t.deepEqual(verdicts, ["failed"]);
});

test("a callback of 4096 bytes, of either status, with a charset and with fields that nobody knows is taken", async (t) => {
  const { url } = await start(t, async () => "taken");
  const good = { ...goodBody(newVerifier()), status: "LATE_SUCCESS", more: { more: [1] } };
  for (const type of ["application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"']) {
    const bytes = callbackText(JSON.stringify(good).padEnd(4_096), { "content-type": type });
    t.regex((await sendRaw(url, bytes)).text, /^HTTP\/1\.1 200 /, type);
  }
  const body = JSON.stringify(good);
  const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  const headers = { "content-type": "application/json", "content-length": undefined, "transfer-encoding": "chunked" };
  t.regex((await sendRaw(url, requestText(`POST ${path} HTTP/1.1`, headers, chunked))).text, /^HTTP\/1\.1 200 /);
});

test("of callbacks at once, no more than 1,000 wait to be refused; others are cut off, and may come again", async (t) => {
  const { url, verdicts } = await start(t, async () => "left");
  const answers = await Promise.all(
    Array.from({ length: 1_200 }, () => sendRaw(url, callbackText(goodBody(newVerifier())))),
  );
  const refused = answers.filter(({ text }) => text.startsWith("HTTP/1.1 403 ")).length;
  t.is(answers.filter(({ text }) => text === "").length, 1_200 - refused);
  t.is(verdicts.length, refused);
  // Where the machine is so slow that some are refused before the last have come, more are.
  t.true(refused >= 1_000, `${refused}`);
  t.regex((await sendRaw(url, callbackText(goodBody(newVerifier())))).text, /^HTTP\/1\.1 403 /);
});

test("a body that does not come is refused as all is, once its time is up", async (t) => {
  const { url } = await start(t, async () => "taken");
  const bytes = callbackText(goodBody(newVerifier()));
  const { text, tookMs } = await sendRaw(url, bytes.subarray(0, -1));
  t.regex(text, /^HTTP\/1\.1 403 /);
  t.true(tookMs > 9_900 && tookMs < 30_000, `${tookMs}`);
});

test("what follows a callback on its connection spoils nothing", async (t) => {
  let looks = 0;
  const { url } = await start(t, async () => {
    looks++;
    await sleep(700);
    return "taken";
  });
  const good = callbackText(goodBody(newVerifier()), { connection: "keep-alive" });
  const { text } = await sendRaw(url, Buffer.concat([good, Buffer.from("no HTTP\r\n\r\n")]));
  // Nothing at all where it cannot be told which of the two an answer would be to.
  t.notRegex(text, /^HTTP\/1\.1 403 /);
  t.is(looks, 1);
});

for (const [title, bytes] of [
  ["that asks for a tunnel", "CONNECT localhost:80 HTTP/1.1\r\nhost: localhost\r\n\r\n"],
  ["that says nothing", ""],
  ["whose headers do not end", `POST ${path} HTTP/1.1\r\nhost: localhost\r\n`],
] as const) {
  test(`a client ${title}, and does not close its side, holds no connection once it is refused`, async (t) => {
    const { url, server } = await start(t, async () => "left");
    const socket = await sendAndStay(url, bytes);
    t.teardown(() => socket.destroy());
    await eventually(async () => (await connectionsOf(server)) === 0);
    t.pass();
  });
}
