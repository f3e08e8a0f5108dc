import type { Story } from "./story.ts";

export async function signUp(story: Story): Promise<void> {
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

export async function chargeAndRead(story: Story): Promise<void> {
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

export async function answerForTheMoney(story: Story): Promise<void> {
  story.chapter("The house answers for it");
  await story.asAdmin(async () => {
    await story.plays("GET /admin-api/ledger/audit");
    await story.plays("GET /admin-api/ledger/liability");
  });
}

export async function signOut(story: Story): Promise<void> {
  story.chapter("She signs out, and her token is worth nothing any more");
  await story.plays("POST /auth/logout", {});
  await story.plays("GET /auth/me", { status: 401 });
}
