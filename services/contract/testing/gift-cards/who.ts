import test from "ava";
import type { Answer, RestClient } from "../../../testing/rest-client.ts";
import { adminBase, type CardData, type CardHouse, cardTheme, userBase, vendorBase } from "./card-house.ts";

/** Those who may ask, by what they are to the card. */
const whos = [
  "maker",
  "holder",
  "bearer",
  "stranger",
  "vendor",
  "other vendor",
  "admin",
  "super_admin",
  "nobody",
] as const;
type Who = (typeof whos)[number];

/** What somebody is answered: a status, and the reason where it is a refusal. */
type Expected = string;

interface Scene {
  readonly card: CardData;
  readonly clients: Readonly<Record<Who, RestClient>>;
}

interface Route {
  readonly name: string;
  readonly cardType: "wallet" | "order";
  /** Puts the card into the state that the route is for. */
  readonly prepare?: (house: CardHouse, scene: Scene) => Promise<unknown>;
  readonly ask: (client: RestClient, card: CardData, code: string | undefined) => Promise<Answer>;
  /** Of all who are not named, `else`. */
  readonly expected: Partial<Record<Who, Expected>> & { readonly else: Expected };
}

const notFound = "404 GIFT_CARD_NOT_FOUND";
const forbidden = "403 FORBIDDEN";
const notYours = "403 GIFT_CARD_NOT_YOURS";
const unauthenticated = "401 UNAUTHENTICATED";
const withCode = (code: string | undefined) => (code === undefined ? {} : { code });

const adminsOnly = { admin: "200", super_admin: "200", nobody: unauthenticated, else: forbidden };
const ownersOnly = { maker: "200", holder: "200", nobody: unauthenticated, else: notFound };
const redeemers = { maker: notYours, holder: "200", bearer: "200", nobody: unauthenticated, else: notFound };

const routes: readonly Route[] = [
  {
    name: `GET ${userBase}/{id}`,
    cardType: "order",
    ask: (client, { id }) => client.get(`${userBase}/${id}`),
    expected: ownersOnly,
  },
  {
    name: `GET ${userBase}/code`,
    cardType: "order",
    ask: (client, { code }) => client.get(`${userBase}/code?code=${code}`),
    expected: { nobody: unauthenticated, else: "200" },
  },
  {
    name: `POST ${userBase}/code`,
    cardType: "order",
    ask: (client, { code }) => client.post(`${userBase}/code`, { code }),
    expected: { nobody: unauthenticated, else: "200" },
  },
  {
    name: `POST ${userBase}/{id}/redeem-wallet`,
    cardType: "wallet",
    ask: (client, { id }, code) => client.post(`${userBase}/${id}/redeem-wallet`, withCode(code)),
    expected: redeemers,
  },
  {
    name: "POST /gift-cards/redeem by id",
    cardType: "wallet",
    ask: (client, { id }, code) => client.post("/gift-cards/redeem", { gift_card_id: id, ...withCode(code) }),
    expected: redeemers,
  },
  {
    name: "POST /gift-cards/redeem by code",
    cardType: "wallet",
    ask: (client, { code }) => client.post("/gift-cards/redeem", { code }),
    expected: { nobody: unauthenticated, else: "200" },
  },
  {
    name: `POST ${userBase}/{id}/create-order`,
    cardType: "order",
    ask: (client, { id }, code) => client.post(`${userBase}/${id}/create-order`, withCode(code)),
    expected: redeemers,
  },
  {
    name: `POST ${userBase}/{id}/cancel-order-redeem-wallet`,
    cardType: "order",
    prepare: (house, { card, clients }) => house.order(clients.holder, card),
    ask: (client, { id }) => client.post(`${userBase}/${id}/cancel-order-redeem-wallet`),
    expected: { maker: notYours, holder: "200", nobody: unauthenticated, else: notFound },
  },
  {
    name: `GET ${vendorBase}/{id}`,
    cardType: "order",
    ask: (client, { id }) => client.get(`${vendorBase}/${id}`),
    expected: { vendor: "200", "other vendor": notFound, nobody: unauthenticated, else: forbidden },
  },
  {
    name: `GET ${vendorBase}`,
    cardType: "order",
    ask: (client) => client.get(vendorBase),
    expected: { vendor: "200", "other vendor": "200", nobody: unauthenticated, else: forbidden },
  },
  {
    name: `GET ${adminBase}/{id}`,
    cardType: "order",
    ask: (client, { id }) => client.get(`${adminBase}/${id}`),
    expected: adminsOnly,
  },
  {
    name: `GET ${adminBase}/code`,
    cardType: "order",
    ask: (client, { code }) => client.get(`${adminBase}/code?code=${code}`),
    expected: adminsOnly,
  },
  {
    name: `PUT ${adminBase}/{id}`,
    cardType: "order",
    ask: (client, { id }) => client.request("PUT", `${adminBase}/${id}`, { body: { notes: "Seen" } }),
    expected: adminsOnly,
  },
  {
    name: `DELETE ${adminBase}/{id}`,
    cardType: "order",
    ask: (client, { id }) => client.request("DELETE", `${adminBase}/${id}`),
    expected: adminsOnly,
  },
  {
    name: `POST ${adminBase}/bulk-update-status`,
    cardType: "order",
    ask: (client, { id }) => client.post(`${adminBase}/bulk-update-status`, { gift_card_ids: [id], status: "expired" }),
    expected: adminsOnly,
  },
  ...["", "/options", "/statistics", "/audit"].map(
    (path): Route => ({
      name: `GET ${adminBase}${path}`,
      cardType: "wallet",
      ask: (client) => client.get(`${adminBase}${path}`),
      expected: adminsOnly,
    }),
  ),
  {
    name: `POST ${adminBase}`,
    cardType: "wallet",
    ask: (client) => client.post(adminBase, { gift_type: "wallet", amount: 1 }),
    expected: { admin: "201", super_admin: "201", nobody: unauthenticated, else: forbidden },
  },
  {
    name: `POST ${adminBase}/bulk`,
    cardType: "wallet",
    ask: (client) => client.post(`${adminBase}/bulk`, { gift_type: "wallet", amount: 1, count: 1 }),
    expected: { admin: "202", super_admin: "202", nobody: unauthenticated, else: forbidden },
  },
  ...["", "/my", "/options"].map(
    (path): Route => ({
      name: `GET ${userBase}${path}`,
      cardType: "wallet",
      ask: (client) => client.get(`${userBase}${path}`),
      expected: { nobody: unauthenticated, else: "200" },
    }),
  ),
];

const seenOf = ({ status, body }: Answer) => (status < 300 ? String(status) : `${status} ${body.code}`);

/** Who may do what: everybody, on every route, each on a card of their own. */
export const who = cardTheme((house) => {
  const { on } = house;
  let people: Promise<Readonly<Record<Exclude<Who, "maker" | "holder">, RestClient>>> | undefined;

  const others = async () => ({
    bearer: (await house.shop.newBuyer()).client,
    stranger: (await house.shop.newBuyer()).client,
    vendor: house.seller,
    "other vendor": house.otherSeller,
    admin: house.admin,
    super_admin: house.shop.admin,
    nobody: house.shop.anonymous,
  });

  for (const { name, cardType, prepare, ask, expected } of routes) {
    test(`${name} is for whom it is ${on}`, async (t) => {
      people ??= others();
      const [maker, holder] = [await house.newMaker(), await house.newReader()];
      const clients = { ...(await people), maker: maker.client, holder: holder.client };
      for (const one of whos) {
        const fields = { recipient_email: holder.email };
        const card = await (cardType === "order" ? house.makeOrderCard(maker, fields) : house.make(maker, fields));
        await prepare?.(house, { card, clients });
        const answer = await ask(clients[one], card, one === "bearer" ? card.code : undefined);
        t.is(seenOf(answer), expected[one] ?? expected.else, `${one}: ${answer.text}`);
        if (answer.status >= 300) t.false(answer.text.includes(card.code), "a refusal shows no code");
      }
    });
  }

  test(`the whole code shows to the maker, the holder and whoever gives it, and to nobody else ${on}`, async (t) => {
    const [maker, holder] = [await house.newMaker(), await house.newReader()];
    const card = await house.makeOrderCard(maker, { recipient_email: holder.email });
    const shown = async (client: RestClient, path: string) => (await client.get(path)).body.data?.code;
    for (const client of [maker.client, holder.client]) t.is(await shown(client, `${userBase}/${card.id}`), card.code);
    const { client: bearer } = await house.shop.newBuyer();
    t.is(await shown(bearer, `${userBase}/code?code=${card.code}`), card.code);
    t.is(await shown(house.admin, `${adminBase}/code?code=${card.code}`), card.code);
    const masked = `**************${card.code_last4}`;
    t.is(await shown(house.seller, `${vendorBase}/${card.id}`), masked);
    t.is(await shown(house.admin, `${adminBase}/${card.id}`), masked);
    t.is(await shown(house.shop.admin, `${adminBase}/${card.id}`), masked);
    for (const path of [adminBase, vendorBase]) {
      const client = path === adminBase ? house.admin : house.seller;
      t.false((await client.get(`${path}?per_page=100`)).text.includes(card.code));
    }
  });

  test(`notes show to admins only ${on}`, async (t) => {
    const holder = await house.newReader();
    const fields = { ...(await house.orderFields()), notes: "A secret", recipient_email: holder.email };
    const card = await house.issue(fields);
    t.is(card.notes, "A secret");
    for (const [client, path] of [
      [holder.client, `${userBase}/${card.id}`],
      [holder.client, userBase],
      [house.seller, `${vendorBase}/${card.id}`],
      [(await house.shop.newBuyer()).client, `${userBase}/code?code=${card.code}`],
    ] as const) {
      const { status, text } = await client.get(path);
      t.is(status, 200);
      t.false(text.includes("A secret"), path);
    }
  });
});
