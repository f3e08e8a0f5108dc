import test, { type ExecutionContext } from "ava";
import type { Statement } from "../platform/database/database.ts";
import { NotFound } from "../platform/refusal.ts";
import { engines } from "../platform/testing/engines.ts";
import { eventually } from "../platform/testing/eventually.ts";
import { byUser, RunningCards } from "./testing/running-cards.ts";

const found = engines();
const all = await Promise.all(found.map(async (engine) => ({ engine, running: await RunningCards.start(engine) })));

for (const { engine, running } of all) {
  const on = `on ${engine.name}`;
  const { cards, lossy } = running;
  const { database } = lossy;

  test.after.always(`stop the guesses on ${engine.name}`, async () => {
    await running.stop();
    await engine.remove();
  });

  /** What a guess asks of the database, that workers do not. */
  async function traceOf(t: ExecutionContext, guess: () => Promise<unknown>): Promise<string[]> {
    const trace: string[] = [];
    const note = ({ sql }: Statement) => {
      if (/ cards WHERE (id|search_key) |missed_guesses WHERE user_id|INTO missed_guesses/.test(sql)) trace.push(sql);
    };
    const { select, commit } = database;
    database.select = (statement) => {
      note(statement);
      return select.call(database, statement);
    };
    database.commit = (statements) => {
      statements.forEach(note);
      return commit.call(database, statements);
    };
    try {
      await t.throwsAsync(guess, { instanceOf: NotFound });
    } finally {
      Object.assign(database, { select, commit });
    }
    return trace;
  }

  test.serial(`a guess at somebody else's card asks the same as one at a card that is not there ${on}`, async (t) => {
    const { id, code } = await running.newCard(await running.newUser(), { recipientEmail: "jane@example.com" });
    const other = await running.newCard(await running.newUser());
    // Whoever writes letters reads cards too.
    await eventually(async () => (await running.select("SELECT id FROM letters")).length === 0);
    const nobodys = 999_999_999n;
    const wrong = "GC0000000000000000";
    for (const rpc of ["redeemGiftCardToWallet", "redeemGiftCard", "createOrderFromGiftCard"] as const) {
      const traces = [];
      for (const [giftCardId, guess] of [
        [nobodys, wrong],
        [id, wrong],
        [id, other.code],
        [nobodys, code],
      ] as const) {
        const guesser = byUser(await running.newUser("0"));
        traces.push(await traceOf(t, () => cards[rpc]({ giftCardId, code: guess }, guesser)));
      }
      t.is(traces[0]?.length, 3, "its misses, the card, and one miss more");
      for (const trace of traces) t.deepEqual(trace, traces[0] ?? []);
    }
  });
}
