import { randomBytes } from "node:crypto";
import { chmodSync, readFileSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { CodeKeyRows, codeKeysMigration } from "../platform/codes/code-key-rows.ts";
import { openCodeKeys } from "../platform/codes/open-code-keys.ts";
import { Resealing } from "../platform/codes/resealing.ts";
import { type Config, ConfigError } from "../platform/config.ts";
import { type Engine, engines, testConfig, testDatabase } from "../platform/testing/engines.ts";
import { now } from "../platform/time.ts";
import { aboutCard, CardCodes } from "./card-codes.ts";
import type { Card } from "./domain/card.ts";
import { begin } from "./domain/steps.ts";
import { CardLists } from "./store/card-lists.ts";
import { insertCards } from "./store/cards.ts";
import { migrations } from "./store/migrations.ts";

const newEngines = engines();
await Promise.all(newEngines.map((engine) => engine.remove()));

const secretOf = () => randomBytes(32).toString("base64");
const [a, b, c] = [`a:${secretOf()}`, `b:${secretOf()}`, `c:${secretOf()}`];

/** A house with a database of its own, whose replicas come and go. */
async function openHouse(engine: Engine) {
  const database = await testDatabase(engine, "gift-card", [...migrations, codeKeysMigration("003-code-keys")]);
  const rows = new CodeKeyRows(database, "cards");
  const cards = new CardLists(database);
  const codesMade = new Map<bigint, string>();
  let lastId = 0n;

  /** A replica with these keys, the first of which writes; those of DATA_DIR where none are given. */
  const start = async (...given: string[]) => {
    const environment: Record<string, string> = given.length === 0 ? {} : { GIFT_CARD_KEYS: given.join(",") };
    const config: Config = testConfig(engine, environment);
    const keys = await openCodeKeys("gift-card", config, rows);
    const resealing = new Resealing(database, keys, rows, aboutCard);
    return { keys, codes: new CardCodes(keys), reseal: () => resealing.run(new AbortController().signal) };
  };

  const make = async ({ codes }: { readonly codes: CardCodes }, count: number) => {
    const made: Card[] = [];
    for (let one = 0; one < count; one++) {
      const code = codes.newCode();
      codesMade.set(++lastId, code);
      const wanted = { ...blank, id: lastId, code: codes.seal(lastId, code) };
      made.push(begin(wanted, now()));
    }
    await database.commit([insertCards(made)]);
  };

  return {
    engine,
    rows,
    start,
    make,
    /** How many cards are under each key. */
    async counts() {
      const found = await database.select({
        sql: "SELECT seal_key_id, search_key_id, COUNT(*) AS count FROM cards GROUP BY seal_key_id, search_key_id",
        values: [],
      });
      return Object.fromEntries(found.map((row) => [`${row.seal_key_id}${row.search_key_id}`, Number(row.count)]));
    },
    /** The cards that a replica does not find by their code, or shows another code of. */
    async lostTo({ codes }: { readonly codes: CardCodes }) {
      const found = await Promise.all(
        Array.from(codesMade, async ([id, code]) => {
          const card = await cards.findByCode(codes.searchKeys(code));
          return card?.id === id && codes.open(id, card.code) === code ? [] : [id];
        }),
      );
      return found.flat();
    },
    async close() {
      await database.close();
      await engine.remove();
    },
  };
}

const blank = {
  requestId: undefined,
  batchId: undefined,
  giftType: "wallet",
  currency: "SAR",
  amount: 100n,
  goods: undefined,
  sender: { id: 1n, name: "Sara" },
  payerId: 1n,
  recipient: { name: undefined, email: undefined, number: undefined },
  backgroundColor: undefined,
  backgroundImageId: undefined,
  message: undefined,
  notes: undefined,
  expiresAt: undefined,
} as const;

type House = Awaited<ReturnType<typeof openHouse>>;

function inHouse(title: string, run: (t: ExecutionContext, house: House) => Promise<void>) {
  for (const { name } of newEngines) {
    test(`${title} (${name})`, async (t) => {
      const engine = engines().find((one) => one.name === name);
      if (!engine) throw new Error(`${name} is gone`);
      const house = await openHouse(engine);
      await run(t, house).finally(() => house.close());
    });
  }
}

inHouse(
  "a key is made at the first start, which only its owner can read, and is there at the next",
  async (t, house) => {
    const first = await house.start();
    await house.make(first, 3);
    const file = join(house.engine.environment.DATA_DIR ?? "", "gift-card-keys");
    t.is(statSync(file).mode & 0o777, 0o600);
    t.deepEqual(await house.lostTo(await house.start()), []);
    t.is((await house.start()).keys.writingKeyId, first.keys.writingKeyId);
  },
);

inHouse("of processes that start at once, one makes the key", async (t, house) => {
  const replicas = await Promise.all(Array.from({ length: 5 }, () => house.start()));
  t.is(new Set(replicas.map(({ keys }) => keys.writingKeyId)).size, 1);
});

inHouse("a key that another process makes while this one starts is the key of both", async (t, house) => {
  let other: Awaited<ReturnType<typeof house.start>> | undefined;
  const rows: CodeKeyRows = Object.assign(Object.create(house.rows), {
    async all() {
      other ??= await house.start();
      return house.rows.all();
    },
  });
  const keys = await openCodeKeys("gift-card", testConfig(house.engine, {}), rows);
  t.deepEqual(keys.writingKeyId, other?.keys.writingKeyId);
});

inHouse("a made key that is gone stops the start, and so does one that cannot be read", async (t, house) => {
  await house.make(await house.start(), 1);
  const file = join(house.engine.environment.DATA_DIR ?? "", "gift-card-keys");
  const content = readFileSync(file);
  unlinkSync(file);
  const error = await t.throwsAsync(house.start(), {
    instanceOf: ConfigError,
    message: /^GIFT_CARD_KEYS: must be set/,
  });
  t.false(error?.message.includes("\n"));
  writeFileSync(file, "nonsense");
  await t.throwsAsync(house.start(), { instanceOf: ConfigError, message: /holds no gift card keys$/ });
  writeFileSync(file, content);
  chmodSync(file, 0o600);
  t.deepEqual(await house.lostTo(await house.start()), []);
});

inHouse("a made key moves to the setting, and is rotated there, without losing a card", async (t, house) => {
  await house.make(await house.start(), 5);
  const made = readFileSync(join(house.engine.environment.DATA_DIR ?? "", "gift-card-keys"), "utf8").trim();
  const next = await house.start(a, made);
  t.deepEqual(await house.lostTo(next), []);
  await next.reseal();
  t.deepEqual(await house.lostTo(await house.start(a)), []);
});

inHouse("a new key takes all cards over, and the old one can be taken away only then", async (t, house) => {
  const old = await house.start(a);
  await house.make(old, 450);
  const next = await house.start(b, a);
  await house.make(next, 5);
  t.deepEqual(await house.counts(), { aa: 450, bb: 5 });
  t.deepEqual(await house.lostTo(next), []);
  await t.throwsAsync(house.start(b), {
    instanceOf: ConfigError,
    message: "GIFT_CARD_KEYS: the key a is missing, and cards are still kept under it",
  });
  await next.reseal();
  t.deepEqual(await house.counts(), { bb: 455 });
  for (const replica of [next, await house.start(b)]) t.deepEqual(await house.lostTo(replica), []);
});

inHouse("cards are found while they are taken over, by replicas with their keys in either order", async (t, house) => {
  const replicas = [await house.start(a, b), await house.start(b, a)];
  for (const replica of replicas) await house.make(replica, 300);
  let isOver = false;
  const rotation = Promise.all(replicas.map(({ reseal }) => reseal())).finally(() => {
    isOver = true;
  });
  do {
    for (const replica of replicas) t.deepEqual(await house.lostTo(replica), []);
  } while (!isOver);
  await rotation;
  for (const replica of replicas) t.deepEqual(await house.lostTo(replica), []);
  t.deepEqual(await house.counts(), { bb: 600 }, "the newest prevails");
  const [old, next] = replicas;
  if (old) await house.make(old, 10);
  await old?.reseal();
  t.deepEqual(await house.counts(), { aa: 10, bb: 600 }, "and nothing goes back");
  await next?.reseal();
  t.deepEqual(await house.counts(), { bb: 610 });
});

inHouse("keys are rotated again and again, two replicas taking cards over at once", async (t, house) => {
  await house.make(await house.start(a), 400);
  await Promise.all([house.start(b, a), house.start(b, a)]).then((both) =>
    Promise.all(both.map((one) => one.reseal())),
  );
  const last = await house.start(c, b);
  await last.reseal();
  t.deepEqual(await house.counts(), { cc: 400 });
  t.deepEqual(await house.lostTo(await house.start(c)), []);
});

inHouse("another secret under a key's name stops the start", async (t, house) => {
  await house.make(await house.start(a), 1);
  await t.throwsAsync(house.start(`a:${secretOf()}`), {
    instanceOf: ConfigError,
    message: "GIFT_CARD_KEYS: the key a is not the one that cards are kept under",
  });
});

for (const [what, value] of [
  ["no secret", "something-that-is-none"],
  ["a short secret", `a:${randomBytes(31).toString("base64")}`],
  ["a long secret", `a:${randomBytes(33).toString("base64")}`],
  ["a long name", `${"a".repeat(17)}:${secretOf()}`],
  ["a name with a space", `a b:${secretOf()}`],
  ["one name twice", `a:${secretOf()},a:${secretOf()}`],
  ["a comma too many", `a:${secretOf()},`],
] as const) {
  test(`GIFT_CARD_KEYS with ${what} stops the start, and is not shown`, (t) => {
    const [engine] = newEngines;
    if (!engine) throw new Error("No engine");
    const error = t.throws(() => testConfig(engine, { GIFT_CARD_KEYS: value }), { instanceOf: ConfigError });
    t.regex(error?.message ?? "", /^GIFT_CARD_KEYS: must be /);
    t.false(error?.message.includes(value));
  });
}
