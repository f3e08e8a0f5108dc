import { randomBytes, randomUUID } from "node:crypto";
import test from "ava";
import { InvalidFields } from "../../platform/refusal.ts";
import { type Engine, engines } from "../../platform/testing/engines.ts";
import { type CardLane, openCardLane } from "../card-lane.ts";
import type { Card } from "../domain/card.ts";
import { CardCounters } from "../store/counters.ts";
import { cardWith } from "../testing/cards.ts";
import { png } from "./testing/pictures.ts";
import { base, RunningBackgrounds } from "./testing/running-backgrounds.ts";

const smallest = { background_image: png({ width: 1, height: 1 }) };
let cardId = 1_000n;
const setUp = async (engine: Engine) => {
  const running = await RunningBackgrounds.start(engine);
  return { engine, running, original: await running.newBackground(smallest) };
};

for (const { engine, running, original } of await Promise.all(engines().map(setUp))) {
  // Two of them, as two replicas have.
  const lanes = [1, 2].map(() => openCardLane(running.database, new CardCounters(running.database)));
  const [lane] = lanes as [CardLane];
  const remove = (id: number) => running.as("super_admin").request("DELETE", `${base}/${id}`);
  const newCard = (backgroundImageId: bigint | undefined): Card => {
    const code = { ...cardWith().code, searchKey: randomBytes(16) };
    return cardWith({ id: cardId++, requestId: randomUUID(), code, backgroundImageId });
  };
  const begin = (background: number, on = lane) =>
    on.begin(newCard(BigInt(background))).then(
      () => true,
      (error) => {
        if (!(error instanceof InvalidFields)) throw error;
        return false;
      },
    );

  test.after.always(async () => {
    await running.stop();
    await engine.remove();
  });

  test.serial(
    `of a batch the cards whose background is gone are refused, and the others made on ${engine.name}`,
    async (t) => {
      const [there, gone] = [await running.copyBackground(original.id), await running.copyBackground(original.id)];
      t.is((await remove(gone.id)).status, 200);
      t.deepEqual(await Promise.all([there, gone, there].map(({ id }) => begin(id))), [true, false, true]);
      const { fields } = await t.throwsAsync(lane.begin(newCard(BigInt(gone.id))), { instanceOf: InvalidFields });
      t.is(fields[0]?.field, "background_image_id");
      await t.notThrowsAsync(lane.begin(newCard(undefined)));
      t.is((await remove(there.id)).status, 400);
    },
  );

  test.serial(`a card is changed to a background that is there, and to no other on ${engine.name}`, async (t) => {
    const [first, second] = [await running.copyBackground(original.id), await running.copyBackground(original.id)];
    const { id } = await lane.begin(newCard(BigInt(first.id)));
    const changeTo = (background: number) =>
      lane.take({ id, step: (card) => ({ kind: "taken", after: { ...card, backgroundImageId: BigInt(background) } }) });
    await changeTo(second.id);
    t.is((await remove(first.id)).status, 200);
    await t.throwsAsync(changeTo(first.id), { instanceOf: InvalidFields });
    t.is((await remove(second.id)).status, 400);
    await changeTo(second.id);
  });

  test.serial(`a background is deleted or given to cards, never both on ${engine.name}`, async (t) => {
    const outcomes = { given: 0, deleted: 0 };
    for (let round = 0; round < 40; round++) {
      const { id } = await running.copyBackground(original.id);
      const wait = new Promise((resolve) => setTimeout(resolve, (round % 8) / 2));
      const [deleted, ...given] = await Promise.all([
        round % 2 ? remove(id) : wait.then(() => remove(id)),
        ...lanes.map((one) => (round % 2 ? wait.then(() => begin(id, one)) : begin(id, one))),
      ]);
      t.is(deleted.status, given.includes(true) ? 400 : 200);
      outcomes[given.includes(true) ? "given" : "deleted"]++;
      const rows = await running.select("SELECT id FROM cards WHERE background_image_id = ?", BigInt(id));
      t.is(rows.length, given.filter((one) => one).length);
    }
    t.log(outcomes);
  });
}
