import test from "ava";
import { addFailure, type Failures, noFailures, secondsToWait } from "./throttle.ts";

const second = 1_000_000n;
const day = 24n * 3600n * second;
const at = 1_000n * day;
const failures = (count: number): Failures => ({ count, lastAt: at });

const fromAddress: readonly (readonly [count: number, seconds: number])[] = [
  [0, 0],
  [4, 0],
  [5, 1],
  [6, 2],
  [7, 4],
  [14, 512],
  [15, 900],
  [5_000, 900],
];

for (const [count, seconds] of fromAddress) {
  test(`after ${count} failures from one address the next attempt waits ${seconds} s`, (t) => {
    t.is(secondsToWait({ fromAddress: failures(count), ofUsername: noFailures }, at), seconds);
  });
}

const ofUsername: readonly (readonly [count: number, seconds: number])[] = [
  [49, 0],
  [50, 1],
  [55, 32],
  [56, 60],
  [5_000, 60],
];

for (const [count, seconds] of ofUsername) {
  test(`after ${count} failures from everywhere the next attempt waits ${seconds} s`, (t) => {
    t.is(secondsToWait({ fromAddress: noFailures, ofUsername: failures(count) }, at), seconds);
  });
}

test("failures from everywhere make nobody wait who comes from where they have signed in before", (t) => {
  const known = { ofUsername: failures(5_000), isFromKnownNetwork: true };
  t.is(secondsToWait({ ...known, fromAddress: failures(4) }, at), 0);
  t.is(secondsToWait({ ...known, fromAddress: failures(7) }, at), 4);
});

test("the longer of the two waits counts", (t) => {
  t.is(secondsToWait({ fromAddress: failures(8), ofUsername: failures(50) }, at), 8);
  t.is(secondsToWait({ fromAddress: failures(5), ofUsername: failures(54) }, at), 16);
});

test("a wait ends when its time has passed, and is told in whole seconds until then", (t) => {
  const after = (passed: bigint) => secondsToWait({ fromAddress: failures(7), ofUsername: noFailures }, at + passed);
  t.deepEqual([after(0n), after(1n), after(second), after(4n * second - 1n), after(4n * second)], [4, 4, 3, 1, 0]);
});

test("a clock that goes back makes no wait longer than it was", (t) => {
  t.is(secondsToWait({ fromAddress: failures(7), ofUsername: noFailures }, at - day), 4);
});

test("failures add up, and are forgotten a day after the last one", (t) => {
  t.deepEqual(addFailure(noFailures, at), { count: 1, lastAt: at });
  t.deepEqual(addFailure(failures(7), at + day - 1n), { count: 8, lastAt: at + day - 1n });
  t.deepEqual(addFailure(failures(7), at + day), { count: 1, lastAt: at + day });
});
