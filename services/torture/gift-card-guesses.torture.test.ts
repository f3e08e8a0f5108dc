import test from "ava";
import { type Engine, engines } from "../platform/testing/engines.ts";
import type { RestClient } from "../testing/rest-client.ts";
import { runMesh } from "../testing/running-mesh.ts";
import { rounds, timeLimitMs } from "../testing/scale.ts";

const user = "/api/user/v3.1/gift-cards";
const guesses = rounds(100_000);
const atOnce = 128;

const unlimited = {
  RATE_LIMIT_USER_PER_MINUTE: "1000000000",
  RATE_LIMIT_ADMIN_PER_MINUTE: "1000000000",
  RATE_LIMIT_ANONYMOUS_PER_MINUTE: "1000000000",
};

async function setUp(engine: Engine) {
  const running = await runMesh(engine, unlimited);
  const { client: maker } = await running.anonymous.newUser();
  await maker.post("/members/me/points/charge", { amount: 1_000 });
  const { body } = await maker.post(user, { gift_type: "wallet", amount: 10, recipient_email: "jane@example.com" });
  return { engine, running, card: body.data as unknown as { readonly id: number; readonly code: string } };
}

const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const newGuess = () =>
  `GC${Array.from({ length: 16 }, () => digits[Math.floor(Math.random() * digits.length)]).join("")}`;

for (const { engine, running, card } of await Promise.all(engines().map(setUp))) {
  const { anonymous } = running;
  const on = `on ${engine.name}`;

  test.after.always(async () => {
    await running.mesh.stop();
    await engine.remove();
  });

  /** The four ways to try a code. */
  const ways: readonly ((client: RestClient) => ReturnType<RestClient["post"]>)[] = [
    (client) => client.get(`${user}/code?code=${newGuess()}`),
    (client) => client.post("/gift-cards/redeem", { code: newGuess() }),
    (client) => client.post(`${user}/${card.id}/redeem-wallet`, { code: newGuess() }),
    (client) => client.post(`${user}/${card.id}/create-order`, { code: newGuess() }),
  ];

  /** Tries so many codes, from these callers in turn, as fast as may be; answers how many were answered how. */
  async function guessFrom(clients: readonly RestClient[], count: number): Promise<Map<number, number>> {
    const statuses = new Map<number, number>();
    let next = 0;
    const guessOn = async () => {
      for (let one = next++; one < count; one = next++) {
        const client = clients[one % clients.length];
        const way = ways[one % ways.length];
        if (!client || !way) throw new Error("Nobody guesses");
        const { status, headers } = await way(client);
        if (status === 429 && Number(headers.get("retry-after")) < 1) throw new Error("When to try again is not said");
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, guessOn));
    return statuses;
  }

  const seesCard = async (client: RestClient) =>
    (await client.post(`${user}/code`, { code: card.code })).body.data?.id === card.id;

  test.serial(
    `${guesses} wrong codes from one caller find nothing, and all but the budget are refused ${on}`,
    async (t) => {
      t.timeout(timeLimitMs(10));
      const { client } = await anonymous.newUser();
      const started = Date.now();
      const statuses = await guessFrom([client], guesses);
      const minutes = Math.ceil((Date.now() - started) / 60_000);
      t.true((statuses.get(404) ?? 0) <= 10 * minutes, `${statuses.get(404)} misses in ${minutes} minutes`);
      t.is((statuses.get(404) ?? 0) + (statuses.get(429) ?? 0), guesses);
      t.false(await seesCard(client), "not even the right code, now");
      t.true(await seesCard((await anonymous.newUser()).client), "others go on");
    },
  );

  test.serial(
    `${guesses} wrong codes from many callers find nothing, and an honest caller is served meanwhile ${on}`,
    async (t) => {
      t.timeout(timeLimitMs(15));
      const guessers: RestClient[] = [];
      for (let one = 0; one < rounds(250); one++) guessers.push((await anonymous.newUser()).client);
      const { client: honest } = await anonymous.newUser();
      let isOver = false;
      const started = Date.now();
      const attack = guessFrom(guessers, guesses).finally(() => {
        isOver = true;
      });
      const waits: number[] = [];
      while (!isOver) {
        const asked = performance.now();
        t.true(await seesCard(honest));
        waits.push(performance.now() - asked);
      }
      const statuses = await attack;
      const minutes = Math.ceil((Date.now() - started) / 60_000);
      const most = Math.min(guessers.length * 10, 1_000 + guessers.length) * minutes;
      t.true((statuses.get(404) ?? 0) <= most, `${statuses.get(404)} misses in ${minutes} minutes`);
      t.is((statuses.get(404) ?? 0) + (statuses.get(429) ?? 0), guesses);
      t.true(Math.max(...waits) < 5_000, `an honest caller has waited ${Math.max(...waits)} ms`);
    },
  );
}
