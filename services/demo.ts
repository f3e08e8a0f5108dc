import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serviceNames, startMesh } from "./mesh.ts";
import { readConfig } from "./platform/config.ts";
import { createLog } from "./platform/logging.ts";
import { Story } from "./testing/story.ts";

const adminPassword = "the admin's password";

/** Plays every flow that there is on a throw-away mesh, with the real requests and answers. */
async function main(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "giftmesh-demo-"));
  const config = readConfig({
    DATA_DIR: directory,
    EDGE_PORT: "0",
    GRPC_PORT: "0",
    LOG_LEVEL: "error",
    ADMIN_PASSWORD: adminPassword,
  });
  const mesh = await startMesh(serviceNames, config, createLog(config));
  try {
    if (!mesh.edgeUrl) throw new Error("The edge is not running");
    const story = new Story(mesh.edgeUrl);
    await signUp(story);
    await chargeAndRead(story);
    await answerForTheMoney(story);
    await signOut(story);
    story.tell("That is all there is so far.");
  } finally {
    await mesh.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function signUp(story: Story): Promise<void> {
  story.chapter("Sara signs up, and shows that her mailbox is hers");
  const sara = { username: "sara", password: "correct horse", name: "Sara", email: "sara@example.com" };
  await story.plays("POST /auth/register", { body: sara, status: 201 });
  const { token } = await story.plays("POST /auth/login", { body: { username: "sara", password: "correct horse" } });
  story.signIn(String(token));
  await story.plays("POST /auth/verifications", { body: { channel: "email" }, status: 202 });
  const mail = await story.waitsFor("GET /dev/messages?to=sara@example.com", (data) => Array.isArray(data) && data[0]);
  const code = /[0-9]{6}/.exec(String((mail as { body?: unknown }).body))?.[0];
  await story.plays("POST /auth/verifications/confirm", { body: { channel: "email", code } });
}

async function chargeAndRead(story: Story): Promise<void> {
  story.chapter("She charges points; a second click, with the same idempotency key, changes nothing");
  const charge = { body: { amount: 200 }, headers: { "idempotency-key": "first-charge" } };
  await story.plays("POST /members/me/points/charge", charge);
  await story.plays("POST /members/me/points/charge", charge);
  await story.plays("POST /members/me/points/charge", { body: { amount: "12.500", currency: "KWD" } });
  story.chapter("What cannot be, is refused, and says why");
  await story.plays("POST /members/me/points/charge", { body: { amount: "1.005" }, status: 422 });
  await story.plays("POST /members/me/points/charge", { body: { amount: 10_001 }, status: 400 });
  story.chapter("She reads it back");
  await story.plays("GET /members/me/points");
  await story.plays("GET /members/me/points/transactions?per_page=1");
}

async function answerForTheMoney(story: Story): Promise<void> {
  story.chapter("The house answers for it");
  const sara = story.token;
  const { token } = await story.plays("POST /auth/login", { body: { username: "admin", password: adminPassword } });
  story.signIn(String(token));
  await story.plays("GET /admin-api/ledger/audit");
  await story.plays("GET /admin-api/ledger/liability");
  story.signIn(sara);
}

async function signOut(story: Story): Promise<void> {
  story.chapter("She signs out, and her token is worth nothing any more");
  await story.plays("POST /auth/logout", {});
  await story.plays("GET /auth/me", { status: 401 });
}

await main();
