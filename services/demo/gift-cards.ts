import { omar, sara, signIn, signUp } from "./people.ts";
import type { Shop } from "./shop.ts";
import type { Story } from "./story.ts";

const cards = "/api/user/v3.1/gift-cards";

const forOmar = { recipient_name: omar.name, recipient_email: omar.email };

export async function giveAndRedeem(story: Story): Promise<void> {
  story.chapter("Sara gives Omar a card: it is paid at once, and he gets its code by mail");
  const card = { gift_type: "wallet", amount: 50, message: "Happy birthday!", ...forOmar };
  await story.plays(`POST ${cards}`, { body: card, status: 201 });
  await story.waitsForMail(omar.email, "gift card");
  await story.asSomebodyElse(async () => {
    story.chapter("Omar signs up, and shows that the mailbox is his: so the card is his too");
    await signUp(story, omar);
    const id = await findReceived(story);
    story.chapter("He redeems it to his wallet; there is nothing to redeem a second time");
    await story.plays(`POST ${cards}/${id}/redeem-wallet`);
    await story.plays("GET /members/me/points");
    await story.plays(`POST ${cards}/${id}/redeem-wallet`, { status: 400 });
  });
  story.chapter("Sara hears of it");
  await story.waitsForMail(sara.email, "redeemed");
}

export async function giveAndOrder(story: Story, { vendor, roses }: Shop): Promise<void> {
  story.chapter("Sara gives him roses too: a card that is an order, its price locked, with a little more on it");
  const card = { gift_type: "order", vendor_id: vendor, product_id: roses, amount: 25, ...forOmar };
  await story.plays(`POST ${cards}`, { body: card, status: 201 });
  await story.asSomebodyElse(async () => {
    await signIn(story, omar);
    const id = await findReceived(story);
    story.chapter("Omar orders them, and the rest is his; then he would rather have the money");
    await story.plays(`POST ${cards}/${id}/create-order`);
    await story.plays("GET /members/me/points");
    await story.plays(`POST ${cards}/${id}/cancel-order-redeem-wallet`);
    await story.plays("GET /members/me/points");
  });
}

export async function countTheCards(story: Story): Promise<void> {
  story.chapter("The house counts its cards");
  await story.asAdmin(async () => {
    await story.plays("GET /admin-api/gift-cards/gift-cards/statistics");
    const { balanced } = await story.plays("GET /admin-api/gift-cards/gift-cards/audit");
    if (balanced !== true) throw new Error("What is counted is not what there is");
  });
}

/** Finds the one active card that was given to whoever is signed in; answers its id. */
async function findReceived(story: Story): Promise<number> {
  const request = `GET ${cards}/my?type=received&status=active`;
  const { id } = await story.waitsFor(request, (data) => Array.isArray(data) && (data[0] as { id: number }));
  return id;
}
