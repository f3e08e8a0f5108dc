import test from "ava";
import { ExpectedEvents } from "./expected-events.ts";

/** Those that a test expects, and a look for them so many milliseconds after what was before. */
function expecting() {
  let time = 5_000;
  const expected = new ExpectedEvents(() => time);
  const lookAfter = (ms: number, ...found: readonly string[]) => {
    time += ms;
    expected.look();
    expected.found(found);
    return expected.any;
  };
  return { expected, lookAfter };
}

test("an event is expected until it is found, whatever else is found", (t) => {
  const { expected, lookAfter } = expecting();
  t.false(expected.any);
  expected.add("1");
  expected.add("2");
  t.true(lookAfter(1, "2", "another's"));
  t.false(lookAfter(1, "1"));
});

test("an event that was not committed is looked for for a second, though others come all the time", (t) => {
  const { expected, lookAfter } = expecting();
  expected.add("never there");
  for (let id = 1; id <= 20; id++) {
    expected.add(String(id));
    t.is(lookAfter(50, String(id)), id < 20);
  }
});

test("an event is expected however long nobody looks", (t) => {
  const { expected, lookAfter } = expecting();
  lookAfter(0);
  expected.add("1");
  t.true(expected.any);
  t.false(lookAfter(5_000));
});

test("events of others may come for a second, however many of our own are found", (t) => {
  const { expected, lookAfter } = expecting();
  expected.addAny();
  expected.add("1");
  t.true(lookAfter(999, "1"));
  t.false(lookAfter(1));
});
