import type { Database } from "../database/database.ts";
import type { Worker } from "../service.ts";
import type { CodedRow, CodeKeyRows } from "./code-key-rows.ts";
import type { CodeKeys } from "./code-keys.ts";
import type { KeptCode } from "./kept-code.ts";

/** How many codes are written together: whoever needs such a row waits that long. */
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
  private readonly about: (id: bigint) => string;

  /** `about` says what a row's code is the code of, as it was sealed. */
  constructor(database: Database, keys: CodeKeys, rows: CodeKeyRows, about: (id: bigint) => string) {
    this.database = database;
    this.keys = keys;
    this.rows = rows;
    this.about = about;
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
      const coded = await this.rows.someKeptUnder(tx, keyIds, atOnce);
      if (coded.length === 0) return 0;
      await tx.run(coded.map((row) => this.rows.updateCode(row.id, this.resealed(row))));
      return coded.length;
    });
  }

  private resealed({ id, code }: CodedRow): KeptCode {
    const about = this.about(id);
    return this.keys.seal(about, this.keys.open(about, code));
  }
}
