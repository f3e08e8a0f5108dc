import test from "ava";
import { type Engine, engines } from "../platform/testing/engines.ts";
import { eventually } from "../platform/testing/eventually.ts";
import { now } from "../platform/time.ts";
import { HoldEnded, HoldNotFound, OfferNotFound, OutOfStock, ProductNotFound } from "./domain/errors.ts";
import { Holds } from "./store/holds.ts";
import { callOf, inSeconds, newHoldId, startReplicas, times } from "./testing/running-catalog.ts";

const setUp = async (engine: Engine) => ({
  engine,
  replicas: await startReplicas(engine),
});

for (const { engine, replicas } of await Promise.all(engines().map(setUp))) {
  const [catalog] = replicas;
  /** The replica that is asked next: each in turn. */
  let turn = 0;
  const anyOf = () => replicas[turn++ % replicas.length] ?? catalog;

  const hold = (id: string, lines: readonly (readonly [bigint, bigint, bigint?])[], expiresInSeconds = 900) =>
    anyOf().stock.holdStock(
      {
        id,
        lines: lines.map(([productId, quantity, offerId]) => ({
          productId,
          quantity,
          ...(offerId === undefined ? {} : { offerId }),
        })),
        expiresAt: inSeconds(expiresInSeconds),
      },
      callOf(),
    );
  const commit = (id: string) => anyOf().stock.commitHold({ id }, callOf());
  const release = (id: string) => anyOf().stock.releaseHold({ id }, callOf());

  test.after.always(async () => {
    for (const replica of replicas) await replica.stop();
    await engine.remove();
  });

  // Before the others, who forget what is due too.
  test.serial(`what is sold while it is to be forgotten is not forgotten on ${engine.name}`, async (t) => {
    const [product, id] = [await catalog.newProduct(), newHoldId()];
    await hold(id, [[product, 1n]]);
    const longAgo = "UPDATE holds SET due_at = 1 WHERE id = ?";
    await catalog.change(longAgo, id);
    const statusOf = async () => (await catalog.select("SELECT status FROM holds WHERE id = ?", id))[0]?.status;
    await eventually(async () => (await statusOf()) === "expired");
    await catalog.change(longAgo, id);
    const late = new Holds({
      ...catalog.database,
      select: async (statement) => {
        const rows = await catalog.database.select(statement);
        if (rows.some((row) => row.id === id)) await commit(id);
        return rows;
      },
    });
    await late.purge(now(), new AbortController().signal);
    t.is(await statusOf(), "committed");
  });

  test(`what is held is not free, what is committed is sold, what is released is free on ${engine.name}`, async (t) => {
    const product = await catalog.newProduct();
    const [first, second] = [newHoldId(), newHoldId()];
    await hold(first, [[product, 3n]]);
    await hold(second, [[product, 2n]]);
    t.deepEqual(await catalog.levelOf(product), [5n, 5n, 0n]);
    await commit(first);
    t.deepEqual(await catalog.levelOf(product), [5n, 2n, 3n]);
    await release(second);
    t.deepEqual(await catalog.levelOf(product), [7n, 0n, 3n]);
    await release(first);
    t.deepEqual(await catalog.levelOf(product), [10n, 0n, 0n]);
  });

  test(`several products are held all or none on ${engine.name}`, async (t) => {
    const [plenty, few] = [await catalog.newProduct(), await catalog.newProduct({ stock: 1n })];
    const both = [
      [plenty, 2n],
      [few, 2n],
    ] as const;
    await t.throwsAsync(hold(newHoldId(), both), { instanceOf: OutOfStock });
    t.deepEqual(await catalog.levelOf(plenty), [10n, 0n, 0n]);
    t.deepEqual(await catalog.levelOf(few), [1n, 0n, 0n]);
  });

  test(`lines of one product are added up on ${engine.name}`, async (t) => {
    const product = await catalog.newProduct();
    const six = [product, 6n] as const;
    const four = [product, 4n] as const;
    await t.throwsAsync(hold(newHoldId(), [six, six]), { instanceOf: OutOfStock });
    const { quotes } = await hold(newHoldId(), [six, four]);
    t.is(quotes.length, 2);
    t.deepEqual(await catalog.levelOf(product), [0n, 10n, 0n]);
  });

  test(`a hold says what each line costs, in order, at the lowest offer that runs or the one asked for on ${engine.name}`, async (t) => {
    const [roses, lilies] = [await catalog.newProduct(), await catalog.newProduct({ name: "Lilies", price: "8" })];
    await catalog.newOffer({ productId: roses, price: "1", startsAt: inSeconds(60) });
    await catalog.newOffer({ productId: roses, price: "2", startsAt: inSeconds(-60), endsAt: inSeconds(-30) });
    const dear = await catalog.newOffer({ productId: roses, price: "24.99" });
    const cheap = await catalog.newOffer({ productId: roses, price: "20", endsAt: inSeconds(600) });
    const { quotes } = await hold(newHoldId(), [
      [lilies, 1n],
      [roses, 2n],
      [roses, 1n, dear],
    ]);
    t.deepEqual(
      quotes.map((one) => [one.name, one.unitPrice?.minorUnits, one.unitPrice?.currencyCode, one.offerId, one.stock]),
      [
        ["Lilies", 800n, "SAR", undefined, 9n],
        ["Roses", 2000n, "SAR", cheap, 7n],
        ["Roses", 2499n, "SAR", dear, 7n],
      ],
    );
  });

  test(`the same hold again is answered as at first, though prices and stock have changed on ${engine.name}`, async (t) => {
    const product = await catalog.newProduct();
    const id = newHoldId();
    const first = await hold(id, [[product, 4n]]);
    await catalog.newOffer({ productId: product, price: "1" });
    await hold(newHoldId(), [[product, 1n]]);
    for (const _ of replicas) t.deepEqual(await hold(id, [[product, 4n]], 60), first);
    await commit(id);
    for (const _ of replicas) t.deepEqual(await hold(id, [[product, 4n]]), first);
    t.deepEqual(await catalog.levelOf(product), [5n, 1n, 4n]);
  });

  for (const [what, change] of Object.entries({
    "another quantity": (product: bigint) => [[product, 2n]] as const,
    "another offer": (product: bigint, offer: bigint) => [[product, 1n, offer]] as const,
    "one more line": (product: bigint) =>
      [
        [product, 1n],
        [product, 1n],
      ] as const,
  })) {
    test(`the id of a hold with ${what} is refused on ${engine.name}`, async (t) => {
      const product = await catalog.newProduct();
      const offer = await catalog.newOffer({ productId: product });
      const id = newHoldId();
      await hold(id, [[product, 1n]]);
      await t.throwsAsync(hold(id, change(product, offer)), { instanceOf: HoldEnded });
      t.deepEqual(await catalog.levelOf(product), [9n, 1n, 0n]);
    });
  }

  test(`the id of a hold of another product is refused by the other replica too on ${engine.name}`, async (t) => {
    const [one, other] = [await catalog.newProduct(), await catalog.newProduct()];
    const id = newHoldId();
    await hold(id, [[one, 1n]]);
    for (const _ of replicas) await t.throwsAsync(hold(id, [[other, 1n]]), { instanceOf: HoldEnded });
    t.deepEqual(await catalog.levelOf(other), [10n, 0n, 0n]);
  });

  test(`a product that is not there or not on sale is not held on ${engine.name}`, async (t) => {
    const product = await catalog.newProduct({ active: false });
    await t.throwsAsync(hold(newHoldId(), [[product, 1n]]), { instanceOf: ProductNotFound });
    await t.throwsAsync(hold(newHoldId(), [[9_999_999n, 1n]]), { instanceOf: ProductNotFound });
  });

  test(`an offer that is another product's, is not there, or does not run is not held at on ${engine.name}`, async (t) => {
    const [product, other] = [await catalog.newProduct(), await catalog.newProduct()];
    const others = await catalog.newOffer({ productId: other });
    const coming = await catalog.newOffer({ productId: product, startsAt: inSeconds(60) });
    for (const offer of [others, coming, 9_999_999n]) {
      await t.throwsAsync(hold(newHoldId(), [[product, 1n, offer]]), { instanceOf: OfferNotFound });
    }
    // The other product being in the same hold makes its offer no other product's.
    const both = hold(newHoldId(), [
      [other, 1n],
      [product, 1n, others],
    ]);
    await t.throwsAsync(both, { instanceOf: OfferNotFound });
    t.deepEqual(await catalog.levelOf(product), [10n, 0n, 0n]);
  });

  test(`committing and releasing again change nothing on ${engine.name}`, async (t) => {
    const product = await catalog.newProduct();
    const id = newHoldId();
    await hold(id, [[product, 4n]]);
    for (const _ of times(3, String)) await commit(id);
    t.deepEqual(await catalog.levelOf(product), [6n, 0n, 4n]);
    for (const _ of times(3, String)) await release(id);
    t.deepEqual(await catalog.levelOf(product), [10n, 0n, 0n]);
    await t.throwsAsync(commit(id), { instanceOf: HoldEnded });
    await t.throwsAsync(hold(id, [[product, 4n]]), { instanceOf: HoldEnded });
  });

  test(`a hold that was never made cannot be committed; once released, it never will be made on ${engine.name}`, async (t) => {
    const product = await catalog.newProduct();
    const id = newHoldId();
    await t.throwsAsync(commit(id), { instanceOf: HoldNotFound });
    await release(id);
    await release(id);
    await t.throwsAsync(hold(id, [[product, 1n]]), { instanceOf: HoldEnded });
    await t.throwsAsync(commit(id), { instanceOf: HoldEnded });
    t.deepEqual(await catalog.levelOf(product), [10n, 0n, 0n]);
  });

  test(`what nobody commits in time is free again, and its id is spent on ${engine.name}`, async (t) => {
    const product = await catalog.newProduct();
    const [late, stays] = [newHoldId(), newHoldId()];
    await hold(late, [[product, 4n]], -1);
    await hold(stays, [[product, 1n]]);
    await eventually(async () => (await catalog.levelOf(product))[0] === 9n);
    t.deepEqual(await catalog.levelOf(product), [9n, 1n, 0n]);
    await t.throwsAsync(hold(late, [[product, 4n]]), { instanceOf: HoldEnded });
    await release(late);
    t.deepEqual(await catalog.levelOf(product), [9n, 1n, 0n]);
    await t.throwsAsync(commit(late), { instanceOf: HoldEnded });
  });

  test(`an expired hold is committed where as many are free, and refused where not on ${engine.name}`, async (t) => {
    const product = await catalog.newProduct();
    const late = newHoldId();
    await hold(late, [[product, 4n]], -1);
    await eventually(async () => (await catalog.levelOf(product))[0] === 10n);
    const other = newHoldId();
    await hold(other, [[product, 7n]]);
    await t.throwsAsync(commit(late), { instanceOf: OutOfStock });
    t.deepEqual(await catalog.levelOf(product), [3n, 7n, 0n]);
    await release(other);
    await commit(late);
    t.deepEqual(await catalog.levelOf(product), [6n, 0n, 4n]);
    await release(late);
    t.deepEqual(await catalog.levelOf(product), [10n, 0n, 0n]);
  });

  test(`of a batch each is done on its own, and one's refusal fails no other on ${engine.name}`, async (t) => {
    const product = await catalog.newProduct({ stock: 2n });
    const ids = times(4, newHoldId);
    const expiresAt = inSeconds(900);
    const requests = ids.map((id) => ({ id, lines: [{ productId: product, quantity: 1n }], expiresAt }));
    const { results } = await catalog.stock.batchHoldStock(
      { requests: [...requests, { id: "no lines", lines: [], expiresAt }] },
      callOf(),
    );
    t.deepEqual(
      results.map(({ outcome }) => outcome.case),
      ["response", "response", "error", "error", "error"],
    );
    const commits = await catalog.stock.batchCommitHold({ requests: ids.map((id) => ({ id })) }, callOf());
    t.deepEqual(
      commits.results.map(({ outcome }) => outcome.case),
      ["response", "response", "error", "error"],
    );
    const releases = await catalog.stock.batchReleaseHold({ requests: ids.map((id) => ({ id })) }, callOf());
    t.true(releases.results.every(({ outcome }) => outcome.case === "response"));
    t.deepEqual(await catalog.levelOf(product), [2n, 0n, 0n]);
  });

  test(`holds that ended long ago are forgotten, and those that sold something are not on ${engine.name}`, async (t) => {
    const product = await catalog.newProduct();
    const [released, sold, tombstone] = [newHoldId(), newHoldId(), newHoldId()];
    for (const id of [released, sold]) await hold(id, [[product, 1n]]);
    await commit(sold);
    await release(released);
    await release(tombstone);
    const ids = [released, sold, tombstone];
    const ageByDays = (days: bigint) =>
      catalog.change("UPDATE holds SET due_at = due_at - ? WHERE id IN (?, ?, ?)", days * 86_400_000_000n, ...ids);
    const purge = () => new Holds(catalog.database).purge(now(), new AbortController().signal);
    const left = async () => {
      const rows = await catalog.select("SELECT id FROM holds WHERE id IN (?, ?, ?)", ...ids);
      return rows.map((row) => row.id).sort();
    };
    await ageByDays(6n);
    await purge();
    t.deepEqual(await left(), ids.toSorted());
    await ageByDays(1n);
    await purge();
    t.deepEqual(await left(), [sold]);
    await release(sold);
    t.deepEqual(await catalog.levelOf(product), [10n, 0n, 0n]);
  });
}
