import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { backoffMs, settledWithin } from "./waiting.ts";

test("pauses double from the first to the longest, and up to a half of each is left to chance", (t) => {
  const backoff = { firstMs: 50, mostMs: 2_000 };
  for (const [failures, longestMs] of [
    [1, 50],
    [2, 100],
    [6, 1_600],
    [7, 2_000],
    [100, 2_000],
  ] as const) {
    const pauses = Array.from({ length: 200 }, () => backoffMs(failures, backoff));
    t.true(pauses.every((ms) => ms > longestMs / 2 && ms <= longestMs));
    t.true(new Set(pauses).size > 1);
  }
});

test("what is settled in time, be it by a failure, is told from what is late", async (t) => {
  t.true(await settledWithin(10_000, Promise.resolve()));
  t.true(await settledWithin(10_000, Promise.reject(new Error("no"))));
  t.false(await settledWithin(1, sleep(10_000, undefined, { ref: false })));
});
