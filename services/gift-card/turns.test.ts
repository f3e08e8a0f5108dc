import { setImmediate as nextTurn } from "node:timers/promises";
import test from "ava";
import { Turns } from "./turns.ts";

/** Work that notes how many of its kind there are at once. */
function watched() {
  const now = new Map<bigint, number>();
  const most = new Map<bigint, number>();
  const work = (who: bigint) => async () => {
    now.set(who, (now.get(who) ?? 0) + 1);
    most.set(who, Math.max(most.get(who) ?? 0, now.get(who) ?? 0));
    await nextTurn();
    now.set(who, (now.get(who) ?? 0) - 1);
    return who;
  };
  return { work, most };
}

test("everybody has as much under way as they may, and no more", async (t) => {
  const { work, most } = watched();
  const turns = new Turns((who) => Number(who));
  const all = Array.from({ length: 300 }, (_, one) => BigInt((one % 3) + 1));
  t.deepEqual(await Promise.all(all.map((who) => turns.during(who, work(who)))), all);
  t.deepEqual(Object.fromEntries(most), { 1: 1, 2: 2, 3: 3 });
});

test("whoever may do less from now on waits for what they have under way", async (t) => {
  const { work, most } = watched();
  let may = 5;
  const turns = new Turns(() => may);
  const first = Array.from({ length: 5 }, () => turns.during(1n, work(1n)));
  may = 1;
  most.clear();
  const { work: later, most: mostLater } = watched();
  const others = Array.from({ length: 5 }, () => turns.during(1n, later(1n)));
  await Promise.all([...first, ...others]);
  t.is(mostLater.get(1n), 1);
});

test("work that fails lets the next one in", async (t) => {
  const turns = new Turns(() => 1);
  const fail = async () => {
    throw new Error("no");
  };
  const outcomes = await Promise.allSettled([turns.during(1n, fail), turns.during(1n, async () => "yes")]);
  t.deepEqual(
    outcomes.map(({ status }) => status),
    ["rejected", "fulfilled"],
  );
});
