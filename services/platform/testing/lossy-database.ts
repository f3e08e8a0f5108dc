import type { Database } from "../database/database.ts";
import { retryTransaction, retryWrite } from "../database/retry.ts";

/**
 * A database whose connection is lost as often as it is told to, each time after a commit and before its answer: whoever
 * commits runs it again, and is to find that it has been done.
 */
export class LossyDatabase {
  /** So many answers are lost from now on: of every so many the last. */
  toLose = 0;
  every = 1;
  private commits = 0;
  readonly database: Database;

  constructor(database: Database) {
    this.database = {
      ...database,
      batch: async (load, decide) => this.lose(await database.batch(load, decide)),
      commit: async (statements) => this.lose(await database.commit(statements)),
      // These run again by themselves.
      transaction: (work, options) =>
        retryTransaction(work, async (run) => this.lose(await database.transaction(run, options))),
      write: (statements, options) => retryWrite(async () => this.lose(await database.write(statements, options))),
    };
  }

  private lose<T>(answer: T): T {
    if (!this.isLost()) return answer;
    throw Object.assign(new Error("Connection lost"), { code: "PROTOCOL_CONNECTION_LOST" });
  }

  private isLost(): boolean {
    if (this.toLose === 0 || ++this.commits % this.every !== 0) return false;
    this.toLose--;
    return true;
  }
}
