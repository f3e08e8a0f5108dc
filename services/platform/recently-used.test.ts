import test from "ava";
import fc from "fast-check";
import { RecentlyUsed } from "./recently-used.ts";

const most = 8;
const keys = fc.nat(30);

test("what was used most recently is there, for half as many as it may hold", (t) => {
  fc.assert(
    fc.property(fc.array(keys), (used) => {
      const remembered = fill(used);
      const latest = [...new Set(used.toReversed())].slice(0, most / 2);
      return latest.every((key) => remembered.get(key) === key);
    }),
  );
  t.pass();
});

test("never more is there than it may hold", (t) => {
  fc.assert(
    fc.property(fc.array(keys), (used) => {
      const remembered = fill(used);
      return [...new Set(used)].filter((key) => remembered.get(key) !== undefined).length <= most;
    }),
  );
  t.pass();
});

test("what was deleted is gone", (t) => {
  const remembered = fill([1, 2, 3, 4, 5]);
  for (const key of [1, 5]) {
    remembered.delete(key);
    t.is(remembered.get(key), undefined);
  }
  t.is(remembered.get(2), 2);
});

/** Uses keys in turn: remembers those that are not there, and looks at those that are. */
function fill(used: readonly number[]): RecentlyUsed<number, number> {
  const remembered = new RecentlyUsed<number, number>(most);
  for (const key of used) {
    if (remembered.get(key) === undefined) remembered.set(key, key);
  }
  return remembered;
}
