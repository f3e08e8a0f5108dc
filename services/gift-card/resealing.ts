import type { Database } from "../platform/database/database.ts";
import type { Worker } from "../platform/service.ts";
import type { CodeKeys } from "./code-keys.ts";
import { type CodeKeyRows, updateCode } from "./store/code-key-rows.ts";

/** How many codes are written together: whoever redeems such a card waits that long. */
const atOnce = 200;

/**
 * Keeps codes that are under older keys under the newest, so that an older one can be taken away once none is left. It
 * does nothing in a replica that writes with another key: of replicas that are started with their keys in different orders,
 * those that write with the newest prevail, and nothing goes back and forth.
 */
export class Resealing {
  private readonly database: Database;
  private readonly keys: CodeKeys;
  private readonly rows: CodeKeyRows;

  constructor(database: Database, keys: CodeKeys, rows: CodeKeyRows) {
    this.database = database;
    this.keys = keys;
    this.rows = rows;
  }

  get worker(): Worker {
    return { name: "reseal-codes", everyMs: 10_000, alone: true, run: (signal) => this.run(signal) };
  }

  async run(stopping: AbortSignal): Promise<void> {
    const [newest, ...others] = await this.rows.all();
    if (newest?.id !== this.keys.writingKeyId || others.length === 0) return;
    const olderIds = others.map(({ id }) => id);
    while (!stopping.aborted && (await this.resealSome(olderIds)) === atOnce);
  }

  /** Answers how many there were. */
  private resealSome(keyIds: readonly string[]): Promise<number> {
    return this.database.transaction(async (tx) => {
      const kept = await this.rows.someKeptUnder(tx, keyIds, atOnce);
      if (kept.length === 0) return 0;
      await tx.run(
        kept.map(({ cardId, code }) => updateCode(cardId, this.keys.seal(cardId, this.keys.open(cardId, code)))),
      );
      return kept.length;
    });
  }
}
