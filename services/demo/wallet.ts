import type { Story } from "./story.ts";

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
  story.chapter("The house answers for it: nothing is owed on cards any more, only to wallets");
  await story.asAdmin(async () => {
    await story.plays("GET /admin-api/ledger/audit");
    await story.waitsFor("GET /admin-api/ledger/liability", (data) => Array.isArray(data) && data.every(owesNoCards));
  });
}

function owesNoCards({ gift_cards }: { readonly gift_cards: string }): boolean {
  return Number(gift_cards) === 0;
}

export async function signOut(story: Story): Promise<void> {
  story.chapter("She signs out, and her token is worth nothing any more");
  await story.plays("POST /auth/logout", {});
  await story.plays("GET /auth/me", { status: 401 });
}
