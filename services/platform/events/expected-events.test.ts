import test from "ava";
import { ExpectedEvents } from "./expected-events.ts";

/** Those that a test expects, and the time that it is for them, in milliseconds. */
function expecting() {
  const time = { ms: 5_000 };
  return { time, expected: new ExpectedEvents(() => time.ms) };
}

test("an event is expected until it is found, whatever else is found", (t) => {
  const { expected } = expecting();
  t.false(expected.any);
  expected.add("1");
  expected.add("2");
  expected.found(["2", "another's"]);
  t.true(expected.any);
  expected.found(["1"]);
  t.false(expected.any);
});

test("an event that was not committed is expected no longer after a second, though others come all the time", (t) => {
  const { expected, time } = expecting();
  expected.add("never there");
  for (let id = 1; id <= 20; id++) {
    time.ms += 50;
    expected.add(String(id));
    expected.found([String(id)]);
    t.is(expected.any, id < 20);
  }
});

test("those that nobody finds, or asks for, are remembered for a second", (t) => {
  const { expected, time } = expecting();
  for (let id = 1; id <= 5_000; id++) {
    time.ms += 1;
    expected.add(String(id));
  }
  t.is(expected.remembered, 1_000);
});

test("events of others may come for a second, however many of our own are found", (t) => {
  const { expected, time } = expecting();
  expected.addAny();
  expected.add("1");
  expected.found(["1"]);
  time.ms += 999;
  t.true(expected.any);
  time.ms += 1;
  t.false(expected.any);
});
