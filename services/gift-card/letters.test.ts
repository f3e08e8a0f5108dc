import { randomBytes } from "node:crypto";
import test from "ava";
import { Channel } from "../../gen/giftmesh/notification/v1/notification_pb.ts";
import { PointsService } from "../../gen/giftmesh/wallet/v1/points_service_pb.ts";
import { engines } from "../platform/testing/engines.ts";
import { eventually } from "../platform/testing/eventually.ts";
import { now } from "../platform/time.ts";
import { insertLetter, LetterRows } from "./store/letters.ts";
import { messagesTo, newVerifiedUser, toldTo } from "./testing/members.ts";
import { byUser, RunningCards } from "./testing/running-cards.ts";

const newEmail = () => `jane-${randomBytes(6).toString("hex")}@example.com`;
let numbers = 0;
const newNumber = () => `+9665012${String(++numbers).padStart(5, "0")}`;

const found = engines();
const all = await Promise.all(found.map(async (engine) => ({ engine, running: await RunningCards.start(engine) })));

for (const { engine, running } of all) {
  const on = `on ${engine.name}`;
  const waiting = async () => (await running.select("SELECT id FROM letters")).length;
  /** Somebody who can be told, and pay for a card. */
  const newSender = async () => {
    const email = newEmail();
    const id = await newVerifiedUser(running, { email });
    await running.clients.of(PointsService).chargePoints({ memberId: "me", amount: "1000" }, byUser(id));
    return { id, email };
  };

  test.before(`whoever writes letters has begun to ${on}`, async () => {
    const email = newEmail();
    await running.newCard(await running.newUser(), { recipientEmail: email });
    await toldTo(running, email, 1);
  });

  test.after.always(`stop the letters on ${engine.name}`, async () => {
    await running.stop();
    await engine.remove();
  });

  test.serial(`a recipient is told by email, with the code, within a second ${on}`, async (t) => {
    const email = newEmail();
    const asked = performance.now();
    const { code } = await running.newCard(await running.newUser(), { recipientEmail: email, recipientName: "Jane" });
    const [message, ...others] = await toldTo(running, email, 1);
    t.true(performance.now() - asked < 1_000);
    t.deepEqual(others, []);
    t.is(message?.channel, Channel.EMAIL);
    t.true(message?.body.includes(code));
    t.true(message?.body.startsWith("Dear Jane,"));
    await eventually(async () => (await waiting()) === 0);
  });

  test.serial(`a recipient who has only a number is told by SMS ${on}`, async (t) => {
    const number = newNumber();
    const { code } = await running.newCard(await running.newUser(), { recipientNumber: number });
    const [message] = await toldTo(running, number, 1);
    t.like(message, { channel: Channel.SMS, subject: "" });
    t.true(message?.body.includes(code));
  });

  test.serial(`how often a letter could not be sent is counted ${on}`, async (t) => {
    const rows = new LetterRows(running.database);
    const later = now() + 3_600_000_000n;
    const find = async () => (await rows.due(later, 1_000)).find((one) => one.id === "counted");
    await running.database.commit([insertLetter({ id: "counted", cardId: 1n, kind: "given" }, later)]);
    for (const attempts of [0, 1, 2]) {
      const letter = await find();
      if (!letter) return t.fail();
      t.is(letter.attempts, attempts);
      await rows.settle([], [[letter, later]]);
    }
    await running.change("DELETE FROM letters WHERE id = 'counted'");
  });

  test.serial(`no code leaves by an event, or lies in a row ${on}`, async (t) => {
    const email = newEmail();
    const { code } = await running.newCard(await running.newUser(), { recipientEmail: email });
    await toldTo(running, email, 1);
    for (const table of ["outbox", "letters", "cards"]) {
      for (const row of await running.select(`SELECT * FROM ${table}`)) {
        for (const value of Object.values(row)) {
          const text = value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : String(value);
          t.false(text.includes(code.slice(2)), table);
        }
      }
    }
  });

  test.serial(`a sender hears when another redeems the card, and not when they do so themselves ${on}`, async (t) => {
    const sender = await newSender();
    const jane = newEmail();
    const holder = await newVerifiedUser(running, { email: jane });
    const own = await running.newCard(sender.id);
    const given = await running.newCard(sender.id, { recipientEmail: jane });
    await running.redeem(own.id, sender.id);
    await running.redeem(given.id, holder);
    const [message] = await toldTo(running, sender.email, 2);
    t.is(message?.subject, "Your gift card has been redeemed");
    t.true(message?.body.includes(`ending in ${given.codeLast4}`));
    t.false(message?.body.includes(given.code));
    await eventually(async () => (await waiting()) === 0);
    t.is((await messagesTo(running, sender.email)).length, 2, "the code of the verification, and this");
  });

  test.serial(`a sender hears when the card expires, once ${on}`, async (t) => {
    const sender = await newSender();
    const { id } = await running.newCard(sender.id);
    await running.change("UPDATE cards SET expires_at = 1, due_at = 1 WHERE id = ?", id);
    const [message] = await toldTo(running, sender.email, 2);
    t.is(message?.subject, "Your gift card has expired");
    t.true(message?.body.endsWith("Its value is back in your wallet."));
  });

  test.serial(`while notification is away letters wait, and are sent once when it is back ${on}`, async (t) => {
    const email = newEmail();
    running.breakAt({ rpc: "SendNotification", when: "before" });
    const { code } = await running.newCard(await running.newUser(), { recipientEmail: email });
    await eventually(async () => (await running.select("SELECT id FROM letters WHERE attempts > 0")).length === 1);
    running.breakAt({ rpc: "SendNotification", when: "after" });
    await eventually(async () => (await messagesTo(running, email)).length === 1);
    await eventually(async () => (await running.select("SELECT id FROM letters WHERE attempts > 1")).length === 1);
    running.breakAt(undefined);
    await eventually(async () => (await waiting()) === 0);
    const messages = await messagesTo(running, email);
    t.is(messages.length, 1);
    t.true(messages[0]?.body.includes(code));
  });

  test.serial(`a sender whom nobody knows how to reach is not told, and nothing waits ${on}`, async (t) => {
    const jane = newEmail();
    const holder = await newVerifiedUser(running, { email: jane });
    const { id } = await running.newCard(await running.newUser(), { recipientEmail: jane });
    await running.redeem(id, holder);
    await eventually(async () => (await waiting()) === 0);
    t.pass();
  });

  test.serial(`many letters are sent, one each ${on}`, async (t) => {
    const maker = await running.newUser("9000.00");
    const emails = Array.from({ length: 60 }, newEmail);
    await Promise.all(emails.map((recipientEmail) => running.newCard(maker, { recipientEmail })));
    await eventually(async () => (await waiting()) === 0);
    for (const email of emails) t.is((await messagesTo(running, email)).length, 1);
  });
}
