import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { pino } from "pino";
import { InProcessTransport } from "../../platform/events/in-process-transport.ts";
import { Signals } from "../../platform/events/signals.ts";
import { failureOfCall, visible } from "../../platform/rpc/testing/failure.ts";
import { eventually } from "../../platform/testing/eventually.ts";
import { begin, fail, type VoucherRequest } from "./domain/voucher-request.ts";
import { News } from "./news.ts";
import { Watchers } from "./watchers.ts";

const patience = { lateAfter: 30_000_000n, giveUpAfter: 600_000_000n };
const forGood = { until: Number.POSITIVE_INFINITY, cancelled: undefined };

/** Requests in memory, which count how they are read; and who watches them. */
function watch(most?: number) {
  const rows = new Map<bigint, VoucherRequest>();
  const queries: (readonly bigint[])[] = [];
  let reading = 0;
  const find = async (ids: readonly bigint[]) => {
    reading++;
    await sleep(5);
    reading--;
    return ids.flatMap((id) => rows.get(id) ?? []);
  };
  const news = new News(new Signals("voucher", new InProcessTransport()));
  const requests = {
    find,
    findEnded: async (ids: readonly bigint[]) => {
      queries.push(ids);
      return (await find(ids)).filter(({ state }) => state.kind !== "processing");
    },
  };
  const log = pino({ level: "silent" });
  const watchers = new Watchers({ requests, news, log, ...(most !== undefined && { most }) });
  return {
    watchers,
    news,
    queries,
    /** Until what was asked for a moment ago has been read. */
    async quiet(): Promise<void> {
      await sleep(20);
      await eventually(async () => reading === 0);
    },
    add(id: bigint): VoucherRequest {
      const request = begin({ id, phoneNumber: "+84909123456", tokenHash: Buffer.alloc(32) }, patience, 0n);
      rows.set(id, request);
      return request;
    },
    end(...ids: readonly bigint[]): void {
      for (const id of ids) {
        const request = rows.get(id);
        if (request) rows.set(id, fail(request, "refused", 1n));
      }
    },
  };
}

test("who watches is told once the request has ended", async (t) => {
  const { watchers, news, add, end, quiet } = watch();
  const request = add(1n);
  const ended = watchers.whenEnded(request, forGood);
  await quiet();
  news.tell([1n]);
  await quiet();
  t.is(watchers.count, 1, "told too early, one goes on watching");
  end(1n);
  news.tell([1n]);
  t.like(await ended, { id: 1n, state: { kind: "failed" } });
  t.is(watchers.count, 0);
});

test("what happens between the first look and the watching is not missed", async (t) => {
  const { watchers, news, add, end } = watch();
  const request = add(1n);
  end(1n);
  news.tell([1n]);
  t.like(await watchers.whenEnded(request, forGood), { state: { kind: "failed" } });
});

test("what was told and not heard is found within a second or so", async (t) => {
  const { watchers, add, end, quiet } = watch();
  const ended = watchers.whenEnded(add(1n), forGood);
  await quiet();
  end(1n);
  const startedAt = performance.now();
  t.like(await ended, { state: { kind: "failed" } });
  t.true(performance.now() - startedAt < 1_500);
});

test("where nothing happens until the waiting ends, the request is as it was", async (t) => {
  const { watchers, add } = watch();
  const startedAt = performance.now();
  const request = add(1n);
  t.deepEqual(await watchers.whenEnded(request, { until: Date.now() + 300, cancelled: undefined }), request);
  const tookMs = performance.now() - startedAt;
  t.true(tookMs >= 290 && tookMs < 600, `${tookMs} ms`);
  t.is(watchers.count, 0);
});

test("who goes away, or has gone already, is let go at once", async (t) => {
  const { watchers, add, quiet } = watch();
  const request = add(1n);
  const gone = new AbortController();
  const waiting = watchers.whenEnded(request, { ...forGood, cancelled: gone.signal });
  await quiet();
  t.is(watchers.count, 1);
  gone.abort();
  await waiting;
  await watchers.whenEnded(request, { ...forGood, cancelled: gone.signal });
  t.is(watchers.count, 0);
});

test("where the process stops, nobody is kept waiting", async (t) => {
  const { watchers, add } = watch();
  const [one, other] = [add(1n), add(2n)];
  const far = { until: Date.now() + 365 * 86_400_000, cancelled: undefined };
  const waiting = [watchers.whenEnded(one, forGood), watchers.whenEnded(other, far)];
  await sleep(50);
  t.is(watchers.count, 2);
  watchers.stop();
  t.deepEqual(await Promise.all(waiting), [one, other]);
  t.is(watchers.count, 0);
});

test("all that is told of while one query is under way is read by the next, each request once", async (t) => {
  const { watchers, news, queries, add, end } = watch();
  const ids = Array.from({ length: 500 }, (_, index) => BigInt(index + 1));
  const waiting = ids.flatMap((id) => {
    const request = add(id);
    return [watchers.whenEnded(request, forGood), watchers.whenEnded(request, forGood)];
  });
  await sleep(100);
  t.is(watchers.count, 1_000);
  end(...ids);
  for (const id of ids) news.tell([id]);
  for (const id of ids) news.tell([id]);
  await Promise.all(waiting);
  t.true(queries.length <= 3, `${queries.length} queries`);
  t.is(watchers.count, 0);
});

test("nobody reads what nobody watches", async (t) => {
  const { news, queries } = watch();
  news.tell(Array.from({ length: 5_000 }, (_, index) => BigInt(index)));
  await sleep(1_200);
  t.deepEqual(queries, []);
});

test("one more than may watch is told to try again, and gets in once another has left", async (t) => {
  const { watchers, add, news, end, quiet } = watch(3);
  const [first, ...others] = [1n, 2n, 3n].map((id) => watchers.whenEnded(add(id), forGood));
  const late = add(4n);
  const refused = { kind: "unavailable", reason: "UNAVAILABLE", retryAfterSeconds: 5 };
  t.like(visible(await failureOfCall(watchers.whenEnded(late, forGood))), refused);
  t.throws(() => watchers.admit(), { message: "Too many requests are being watched, try again" });
  end(1n);
  news.tell([1n]);
  await first;
  t.notThrows(() => watchers.admit());
  const fourth = watchers.whenEnded(late, forGood);
  await quiet();
  end(2n, 3n, 4n);
  news.tell([2n, 3n, 4n]);
  await Promise.all([...others, fourth]);
  t.is(watchers.count, 0);
});

test("a database that is away for a while is asked again", async (t) => {
  const { watchers, add, end, news, quiet } = watch();
  const parts = watchers as unknown as { parts: { requests: { findEnded: unknown } } };
  const { findEnded } = parts.parts.requests;
  let asked = 0;
  parts.parts.requests.findEnded = async () => {
    asked++;
    throw new Error("away");
  };
  const ended = watchers.whenEnded(add(1n), forGood);
  await quiet();
  end(1n);
  news.tell([1n]);
  await eventually(async () => asked > 0);
  t.is(watchers.count, 1);
  parts.parts.requests.findEnded = findEnded;
  t.like(await ended, { state: { kind: "failed" } });
});
