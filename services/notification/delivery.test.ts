import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { pino } from "pino";
import { byClock } from "../platform/testing/clocks.ts";
import { sqliteEngine, testDatabase } from "../platform/testing/engines.ts";
import { eventually } from "../platform/testing/eventually.ts";
import { now } from "../platform/time.ts";
import { Delivery } from "./delivery.ts";
import { nextStep } from "./domain/delivery.ts";
import type { Channel, Message } from "./domain/message.ts";
import { createEmailSender } from "./email.ts";
import { createSmsSender } from "./sms.ts";
import { Messages } from "./store/messages.ts";
import { migrations } from "./store/migrations.ts";

const second = 1_000_000n;
const day = 86_400n * second;

test("pauses double from a second to ten minutes", (t) => {
  const pauses = Array.from({ length: 13 }, (_, index) => {
    const step = nextStep({ createdAt: 0n }, index + 1, 0n);
    return step.kind === "retry" ? Number(step.at / second) : undefined;
  });
  t.deepEqual(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600]);
});

test("a message is given up when it would be tried a day after it was asked for", (t) => {
  t.is(nextStep({ createdAt: 0n }, 1, day - second - 1n).kind, "retry");
  t.is(nextStep({ createdAt: 0n }, 1, day - second).kind, "give_up");
});

const engine = sqliteEngine();
const database = await testDatabase(engine, "delivery", migrations);
const messages = new Messages(database, { blanksBodies: false });
test.after.always(async () => {
  await database.close();
  await engine.remove();
});

/** Nobody listens there. */
const nowhere = createSmsSender("http://127.0.0.1:1/");

let lastId = 0n;

async function newMessage(createdAt: bigint, channel: Channel = "sms"): Promise<Message> {
  const message: Message = { id: ++lastId, channel, to: "+1", subject: "", body: "hello", createdAt };
  await database.write([messages.adding(message, "pending")]);
  return message;
}

async function deliverOnce(): Promise<string[]> {
  const lines: string[] = [];
  const sink = new Writable({
    write: (chunk, _, done) => {
      lines.push(String(chunk));
      done();
    },
  });
  await new Delivery(messages, "sms", nowhere, pino(sink)).run(new AbortController().signal);
  return lines;
}

async function rowOf({ id }: Message) {
  const [row] = await database.select({ sql: "SELECT * FROM messages WHERE id = ?", values: [id] });
  return row;
}

test.serial("a message that cannot be delivered waits for its next turn", async (t) => {
  const message = await newMessage(now());
  await deliverOnce();
  const row = await rowOf(message);
  t.like(row, { status: "pending", attempts: 1n });
  t.true((row?.due_at as bigint) > message.createdAt);
});

test.serial("a message that has not left within a day is given up, and logged as an error", async (t) => {
  const message = await newMessage(now() - day);
  const lines = await deliverOnce();
  t.like(await rowOf(message), { status: "failed" });
  t.true(lines.some((line) => JSON.parse(line).level === 50));
});

test.serial("a message that another replica has taken is left to it", async (t) => {
  const message = await newMessage(now());
  const [due] = await messages.due("sms", 1);
  if (!due) return t.fail("nothing is due");
  t.deepEqual(await Promise.all([messages.claim(due), messages.claim(due)]), [true, false]);
  await deliverOnce();
  t.like(await rowOf(message), { status: "pending", attempts: 0n });
});

test.serial(
  "no email is claimed that the mail server is not given yet, or another replica would give it too",
  async (t) => {
    const sockets: Socket[] = [];
    // It says nothing, for as long as it is asked.
    const server = createServer((socket) => sockets.push(socket.on("error", () => undefined))).listen(0, "127.0.0.1");
    await once(server, "listening");
    for (let count = 0; count < 20; count++) await newMessage(now(), "email");
    const sender = createEmailSender(`smtp://127.0.0.1:${(server.address() as AddressInfo).port}`, "a@example.com");
    const stopping = new AbortController();
    const running = new Delivery(messages, "email", sender, pino({ level: "silent" })).run(stopping.signal);
    await eventually(async () => sockets.length >= 5);
    await sleep(200);
    const claimed = { sql: "SELECT id FROM messages WHERE channel = 'email' AND due_at > ?", values: [now()] };
    t.is((await database.select(claimed)).length, sockets.length);
    stopping.abort();
    for (const socket of sockets) socket.destroy();
    server.close();
    await running;
    sender.close();
  },
);

test.serial("a message that a replica has taken is left to it, though its clock is behind", async (t) => {
  const message = await newMessage(now());
  const taken = await byClock(-3_600_000, async () => {
    const due = (await messages.due("sms", 100)).find(({ id }) => id === message.id);
    return due !== undefined && messages.claim(due);
  });
  t.true(taken);
  t.false((await messages.due("sms", 100)).some(({ id }) => id === message.id));
});

test.serial("a message leaves at once, though the clock of the replica that took it in is ahead", async (t) => {
  const message = await byClock(3_600_000, () => newMessage(now()));
  await deliverOnce();
  t.like(await rowOf(message), { status: "pending", attempts: 1n });
});

test.serial("a message is tried again in time, though the clock of the replica that tried it is ahead", async (t) => {
  const message = await newMessage(now());
  await byClock(3_600_000, deliverOnce);
  t.like(await rowOf(message), { attempts: 1n });
  t.true(((await rowOf(message))?.due_at as bigint) < now() + 60n * second);
});
