import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { ConfigError, readConfig } from "../../platform/config.ts";
import { type Engine, engines } from "../../platform/testing/engines.ts";
import { eventually } from "../../platform/testing/eventually.ts";
import { type Asked, RunningVouchers } from "./testing/running-vouchers.ts";

const newEngines = engines();
await Promise.all(newEngines.map((engine) => engine.remove()));

const keyNamed = (id: string) => `${id}:${randomBytes(32).toString("base64")}`;
const [a, b] = [keyNamed("a"), keyNamed("b")];

/** A house whose services are started again and again, with these keys; those of DATA_DIR where none are given. */
function openHouse(engine: Engine) {
  const shown = new Map<Asked, string>();
  let running: RunningVouchers | undefined;
  return {
    async start(...keys: string[]): Promise<RunningVouchers> {
      await running?.stop();
      running = undefined;
      const environment: Record<string, string> = keys.length === 0 ? {} : { VOUCHER_KEYS: keys.join(",") };
      running = await RunningVouchers.start(engine, { environment });
      return running;
    },
    /** Has somebody be shown a code. */
    async sell(count: number): Promise<void> {
      for (let one = 0; one < count; one++) {
        const asked = await running?.ask();
        if (!running || !asked) throw new Error("Nothing is running");
        const code = `CODE-${randomBytes(6).toString("hex")}`;
        const looking = running.look(asked, 30);
        await running.integration.deliver({ requestId: asked.requestId, code });
        await looking;
        shown.set(asked, code);
      }
    },
    /** The codes that cannot be shown any more, or are others. */
    async lost(): Promise<string[]> {
      const lost: string[] = [];
      for (const [asked, code] of shown) if ((await running?.look(asked))?.voucherCode !== code) lost.push(code);
      return lost;
    },
    /** How many codes are under each key. */
    async counts(): Promise<Record<string, number>> {
      const rows = await running?.select(
        "SELECT seal_key_id, COUNT(*) AS count FROM voucher_requests WHERE seal_key_id IS NOT NULL GROUP BY seal_key_id",
      );
      return Object.fromEntries((rows ?? []).map((row) => [row.seal_key_id as string, Number(row.count)]));
    },
    async close(): Promise<void> {
      await running?.stop();
      await engine.remove();
    },
  };
}

for (const { name } of newEngines) {
  test(`a made key is kept, goes to the setting and is rotated there, and no code is lost on ${name}`, async (t) => {
    const engine = engines().find((one) => one.name === name);
    if (!engine) throw new Error(`${name} is gone`);
    const house = openHouse(engine);
    await house.start();
    await house.sell(3);
    const made = readFileSync(join(engine.environment.DATA_DIR ?? "", "voucher-keys"), "utf8").trim();
    const madeId = made.split(":")[0] ?? "";
    t.deepEqual(await house.counts(), { [madeId]: 3 });
    await house.start();
    t.deepEqual(await house.lost(), []);

    await house.start(made, a);
    await house.sell(2);
    const running = await house.start(a, made);
    t.deepEqual(await house.lost(), []);
    await house.sell(1);
    await eventually(async () => (await house.counts()).a === 6);
    t.deepEqual(await house.lost(), []);
    const asked = await running.ask();

    await house.start(a);
    t.deepEqual(await house.lost(), []);
    const error = await t.throwsAsync(house.start(b), {
      instanceOf: ConfigError,
      message: "VOUCHER_KEYS: the key a is missing, and vouchers are still kept under it",
    });
    t.false(error?.message.includes("\n"));
    await t.throwsAsync(house.start(keyNamed("a")), {
      instanceOf: ConfigError,
      message: "VOUCHER_KEYS: the key a is not the one that vouchers are kept under",
    });
    t.is((await (await house.start(a)).look(asked)).voucherCode, undefined, "nothing is kept of one without a code");
    await house.close();
  });

  test(`a code that was sealed under an older key is kept under the one that writes on ${name}`, async (t) => {
    const engine = engines().find((one) => one.name === name);
    if (!engine) throw new Error(`${name} is gone`);
    const house = openHouse(engine);
    const before = await house.start(a);
    const asked = await before.ask();
    const sealed = before.integration.sealedFor(asked.requestId, "SEALED-BEFORE");
    const after = await house.start(b, a);
    const looking = after.look(asked, 30);
    await after.integration.tell([{ requestId: asked.requestId, outcome: { case: "code", value: sealed } }]);
    t.is((await looking).voucherCode, "SEALED-BEFORE");
    t.deepEqual(await house.counts(), { b: 1 });
    await house.close();
  });

  test(`a code that cannot be opened here has not been shown on ${name}`, async (t) => {
    const engine = engines().find((one) => one.name === name);
    if (!engine) throw new Error(`${name} is gone`);
    const house = openHouse(engine);
    const running = await house.start(a);
    const asked = await running.ask();
    await running.integration.deliver({ requestId: asked.requestId, code: "SHOWN-ELSEWHERE" });
    await running.isIn(asked, "web");
    // As another replica keeps it that was started with the next key too soon.
    await running.change("UPDATE voucher_requests SET seal_key_id = 'b' WHERE id = ?", asked.requestId);
    await t.throwsAsync(running.look(asked));
    await t.throwsAsync(running.watch(asked));
    const row = await running.select("SELECT shown_at, due_at FROM voucher_requests WHERE id = ?", asked.requestId);
    t.like(row[0], { shown_at: null });
    t.not(row[0]?.due_at, null, "and it leaves by SMS if nobody is shown it elsewhere");
    await house.close();
  });

  test(`a code of a key that is not here waits for it, and is not lost on ${name}`, async (t) => {
    const engine = engines().find((one) => one.name === name);
    if (!engine) throw new Error(`${name} is gone`);
    const house = openHouse(engine);
    const before = await house.start(b);
    const asked = await before.ask();
    const sealed = before.integration.sealedFor(asked.requestId, "SEALED-ELSEWHERE");
    const without = await house.start(a);
    await without.integration.tell([{ requestId: asked.requestId, outcome: { case: "code", value: sealed } }]);
    await eventually(async () => (await without.select("SELECT event_id FROM failed_events")).length === 1);
    const withIt = await house.start(a, b);
    t.is((await withIt.look(asked, 30)).voucherCode, "SEALED-ELSEWHERE");
    await house.close();
  });
}

for (const value of ["nonsense", `a:${randomBytes(31).toString("base64")}`, `${a},${a}`]) {
  test(`VOUCHER_KEYS of ${value.slice(0, 10)}… stops the start, and is not shown`, (t) => {
    const error = t.throws(() => readConfig({ VOUCHER_KEYS: value }), { instanceOf: ConfigError });
    t.regex(error?.message ?? "", /^VOUCHER_KEYS: must be /);
    t.false(error?.message.includes(value));
  });
}
