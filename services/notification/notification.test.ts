import test, { type ExecutionContext } from "ava";
import { Channel } from "../../gen/giftmesh/notification/v1/notification_pb.ts";
import { InvalidFields } from "../platform/refusal.ts";
import { type Engine, engines, mysqlEngine, sqliteEngine } from "../platform/testing/engines.ts";
import { eventually } from "../platform/testing/eventually.ts";
import { toInstant } from "../platform/time.ts";
import { RunningNotification } from "./testing/running-notification.ts";
import { startSmsGateway } from "./testing/sms-gateway.ts";
import { startSmtpServer } from "./testing/smtp-server.ts";

const newEngine = { SQLite: sqliteEngine, MySQL: mysqlEngine };
const found = engines();
await Promise.all(found.map((engine) => engine.remove()));

/** A flow on every engine, each with a database of its own. */
function flow(title: string, run: (t: ExecutionContext, engine: Engine) => Promise<void>) {
  for (const { name } of found) {
    test(`${title} (${name})`, async (t) => {
      const engine = newEngine[name]();
      await run(t, engine).finally(() => engine.remove());
    });
  }
}

const sms = (to: string, body = "hello") => ({ channel: Channel.SMS, to, body });
const email = (to: string, subject = "Hello", body = "hello") => ({ channel: Channel.EMAIL, to, subject, body });

flow("an email leaves by SMTP, to one recipient and to the letter", async (t, engine) => {
  const server = await startSmtpServer();
  const service = await RunningNotification.start(engine, {
    SMTP_URL: server.url,
    MAIL_FROM: "Gift <gift@example.com>",
  });
  await service.ask(email("sara@example.com", "Your code", "It is 271828.\n.\nBye"));
  await eventually(async () => server.received.length > 0);
  await service.stop();
  server.close();

  t.deepEqual(
    server.received.map((mail) => mail.recipients),
    [["sara@example.com"]],
  );
  const content = server.received[0]?.content ?? "";
  t.regex(content, /^From: Gift <gift@example\.com>\r$/m);
  t.regex(content, /^To: sara@example\.com\r$/m);
  t.regex(content, /^Subject: Your code\r$/m);
  t.true(content.includes("\r\n\r\nIt is 271828.\r\n..\r\nBye"));
});

flow("an address with a comma is not two recipients, and a line break in a subject no header", async (t, engine) => {
  const server = await startSmtpServer();
  const service = await RunningNotification.start(engine, { SMTP_URL: server.url });
  await service.ask(email("a@example.com,b@example.com", "x\r\nBcc: c@example.com"), email("d@example.com"));
  await eventually(async () => server.received.some((mail) => mail.recipients.includes("d@example.com")));
  await service.stop();
  server.close();

  for (const { recipients, content } of server.received) {
    t.true(recipients.length === 1 && !recipients.includes("b@example.com"));
    t.notRegex(content, /^Bcc:/m);
  }
});

flow("an SMS leaves by HTTP, with the message's id and its instant as its idempotency key", async (t, engine) => {
  const gateway = await startSmsGateway();
  const service = await RunningNotification.start(engine, { SMS_URL: gateway.url });
  await service.ask(sms("+966501234567", "كود: 271828"));
  await eventually(async () => gateway.received.length > 0);
  const [message] = (await service.list()).messages;
  await service.stop();
  gateway.close();

  t.is(gateway.received.length, 1);
  t.deepEqual(gateway.received[0]?.body, { to: "+966501234567", body: "كود: 271828" });
  const createdAt = message?.createdAt && toInstant(message.createdAt);
  t.is(gateway.received[0]?.headers["idempotency-key"], `message-${message?.id}-${createdAt}`);
});

flow("a gateway that fails is asked again, for the same message", async (t, engine) => {
  const gateway = await startSmsGateway();
  gateway.status = 503;
  const service = await RunningNotification.start(engine, { SMS_URL: gateway.url });
  await service.ask(sms("+966501234567"));
  await eventually(async () => gateway.received.length > 0);
  gateway.status = 200;
  await eventually(async () => gateway.received.length > 1);
  await service.stop();
  gateway.close();

  const keys = gateway.received.map(({ headers }) => headers["idempotency-key"]);
  t.is(new Set(keys).size, 1);
});

flow("a user and password in the gateway's URL are sent as Basic authentication", async (t, engine) => {
  const gateway = await startSmsGateway();
  const service = await RunningNotification.start(engine, { SMS_URL: gateway.url.replace("//", "//me:s%40crct@") });
  await service.ask(sms("+966501234567"));
  await eventually(async () => gateway.received.length > 0);
  await service.stop();
  gateway.close();
  t.is(gateway.received[0]?.headers.authorization, `Basic ${Buffer.from("me:s@crct").toString("base64")}`);
});

flow("many messages leave once each", async (t, engine) => {
  const gateway = await startSmsGateway();
  const service = await RunningNotification.start(engine, { SMS_URL: gateway.url });
  const numbers = Array.from({ length: 100 }, (_, index) => `+9665000000${String(index).padStart(2, "0")}`);
  await service.ask(...numbers.map((number) => sms(number)));
  await eventually(async () => gateway.received.length >= 100);
  await service.stop();
  gateway.close();
  const to = gateway.received.map(({ body }) => (body as { to: string }).to);
  t.deepEqual(to.toSorted(), numbers);
});

flow("without servers the mailbox keeps what would have left, the newest first", async (t, engine) => {
  const service = await RunningNotification.start(engine);
  await service.ask(email("sara@example.com", "One", "first"));
  await eventually(async () => (await service.list()).messages.length === 1);
  await service.ask(sms("+966501234567", "second"));
  await eventually(async () => (await service.list()).messages.length === 2);
  const { messages, pageInfo } = await service.list();
  await service.stop();

  t.like(messages[0], { channel: Channel.SMS, to: "+966501234567", subject: "", body: "second" });
  t.like(messages[1], { channel: Channel.EMAIL, to: "sara@example.com", subject: "One", body: "first" });
  t.true((messages[0]?.createdAt?.seconds ?? 0n) > 1_700_000_000n);
  t.like(pageInfo, { currentPage: 1, perPage: 20, total: 2n, lastPage: 1, nextCursor: undefined });
});

flow("the mailbox can be read page by page, by number and by cursor, and for one recipient", async (t, engine) => {
  const service = await RunningNotification.start(engine);
  await service.ask(...Array.from({ length: 25 }, (_, index) => sms(index % 5 ? "+1" : "+2", String(index))));
  await eventually(async () => (await service.list()).pageInfo?.total === 25n);

  const byNumber: string[] = [];
  for (const page of [1, 2, 3]) {
    const { messages, pageInfo } = await service.list({ page, perPage: 10 });
    t.like(pageInfo, { currentPage: page, perPage: 10, total: 25n, lastPage: 3 });
    byNumber.push(...messages.map(({ body }) => body));
  }
  t.is(new Set(byNumber).size, 25);

  const first = await service.list({ perPage: 10 });
  const byCursor = first.messages.map(({ body }) => body);
  for (let cursor = first.pageInfo?.nextCursor; cursor; ) {
    const { messages, pageInfo } = await service.list({ perPage: 10, cursor });
    t.like(pageInfo, { currentPage: undefined, total: undefined, lastPage: undefined, perPage: 10 });
    byCursor.push(...messages.map(({ body }) => body));
    cursor = pageInfo?.nextCursor;
  }
  t.deepEqual(byCursor, byNumber);

  const { messages, pageInfo } = await service.list({ to: "+2", perPage: 2 });
  t.is(pageInfo?.total, 5n);
  t.true(messages.every(({ to }) => to === "+2"));
  const rest = await service.list({ to: "+2", perPage: 10, cursor: pageInfo?.nextCursor ?? "" });
  t.deepEqual(
    rest.messages.map(({ to }) => to),
    ["+2", "+2", "+2"],
  );
  await service.stop();
});

flow("a page that is too far and a cursor that is none are refused", async (t, engine) => {
  const service = await RunningNotification.start(engine);
  const refused: readonly [object, string][] = [
    [{ page: 101, perPage: 100 }, "page"],
    [{ page: 0 }, "page"],
    [{ perPage: 101 }, "per_page"],
    [{ cursor: "x" }, "cursor"],
    [{ to: "" }, "to"],
  ];
  for (const [request, field] of refused) {
    const error = await t.throwsAsync(service.list(request), { instanceOf: InvalidFields });
    t.is(error?.fields[0]?.field, field);
  }
  await service.stop();
});

flow("production forgets what messages said once they need not leave any more", async (t, engine) => {
  const gateway = await startSmsGateway();
  const environment = { NODE_ENV: "production", SMS_URL: gateway.url };
  const service = await RunningNotification.start(engine, environment);
  const messages = [sms("+966501234567", "code 271828"), email("sara@example.com", "Code", "code 271828")];
  await service.ask(...messages);
  // As those of gift cards are asked for.
  const send = (message: (typeof messages)[number], index: number) =>
    service.notifications.sendNotification({ id: `card-${index}-given`, ...message }, service.call);
  await Promise.all(messages.map(send));
  await eventually(async () => gateway.received.length === 2);
  await eventually(async () => {
    const { messages: kept } = await service.list();
    return kept.length === 4 && kept.every(({ body }) => body === "");
  });
  await service.stop();
  gateway.close();
  for (const { body } of gateway.received) t.like(body, { body: "code 271828" });
});

flow("what is asked for by RPC is told once, however often it is asked for", async (t, engine) => {
  const service = await RunningNotification.start(engine);
  const send = (id: string, body: string) =>
    service.notifications.sendNotification({ id, ...email("sara@example.com", "Hello", body) }, service.call);
  await Promise.all(Array.from({ length: 20 }, () => send("card-1-made", "one")));
  await send("card-1-made", "another text changes nothing");
  await send("CARD-1-MADE", "two");
  const { messages } = await service.list();
  await service.stop();
  t.deepEqual(messages.map(({ body }) => body).sort(), ["one", "two"]);
});

for (const [what, request] of [
  ["no id", { ...email("sara@example.com") }],
  ["an id with a space", { ...email("sara@example.com"), id: "a b" }],
  ["no channel", { id: "a", to: "sara@example.com", body: "hello" }],
  ["nobody to tell", { ...email(""), id: "a" }],
  ["nothing to say", { ...email("sara@example.com", "Hello", ""), id: "a" }],
] as const) {
  flow(`asked for by RPC with ${what}, it is refused`, async (t, engine) => {
    const service = await RunningNotification.start(engine);
    await t.throwsAsync(service.notifications.sendNotification(request, service.call), { instanceOf: InvalidFields });
    const { messages } = await service.list();
    await service.stop();
    t.deepEqual(messages, []);
  });
}
