import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { Database, Row, Session } from "./database/database.ts";
import { isDuplicateKey } from "./database/failures.ts";
import { isOutcome, Receipt, selectReceipts } from "./receipt.ts";
import { Refusal, Unavailable } from "./refusal.ts";
import type { Call } from "./rpc/call.ts";
import type { Worker } from "./service.ts";
import { isRequestKnown, now, requestKnownFor } from "./time.ts";

/** Ends a handler that had an effect: writes the answer beside it where the caller gave an idempotency key. */
export async function settle<T extends object>(session: Session, call: Call, answer: T): Promise<T> {
  if (!call.receipt) return answer;
  await session.run(call.receipt.settling(answer));
  session.isSettled = true;
  return answer;
}

/**
 * Runs requests that carry an idempotency key: each once, however often and wherever they arrive.
 *
 * What has its effect in one transaction writes its answer in that one. What has it in several claims the key in the first
 * (`KeyClaims`), and writes the answer in the last. A refusal is written only where no other run of the request has
 * claimed the key since: who is refused does not know what that one comes to, and is to ask again.
 */
export class Receipts {
  private readonly database: Database;
  private readonly running = new Map<string, Promise<unknown>>();

  constructor(database: Database) {
    this.database = database;
  }

  async once(method: DescMethod, request: Message, call: Call, run: () => Promise<Message>): Promise<Message> {
    const receipt = new Receipt(method, request, call, this.database.dialect);
    const id = receipt.id.toString("base64");
    // Duplicates in this process wait for the first; one in another process meets the unique key.
    for (let first = this.running.get(id); first; first = this.running.get(id)) {
      await first.catch(() => undefined);
      const answer = await this.replay(receipt);
      if (answer) return answer;
    }
    const running = this.replay(receipt).then((answer) => {
      if (answer) return answer;
      call.receipt = receipt;
      return this.runFirst(receipt, run);
    });
    this.running.set(id, running);
    try {
      return await running;
    } finally {
      this.running.delete(id);
    }
  }

  /** Forgets answers, and claims, once they are 24 h old. */
  get purge(): Worker {
    return {
      name: "purge-receipts",
      everyMs: 600_000,
      alone: true,
      run: async () => {
        const old = { sql: "DELETE FROM receipts WHERE created_at < ?", values: [now() - requestKnownFor] };
        await this.database.write([old], { isLong: true });
      },
    };
  }

  private async runFirst(receipt: Receipt, run: () => Promise<Message>): Promise<Message> {
    try {
      const answer = await run();
      if (!receipt.settled) throw new Error("A handler has answered without settling its receipt");
      return answer;
    } catch (error) {
      if (isOutcome(error)) await this.database.write(receipt.refusing(error));
      else if (!(error instanceof Refusal) && !isDuplicateKey(error)) throw error;
      // What refused it may be what a duplicate has done in another process: then that one's answer is this one's too.
      const row = await this.find(receipt);
      const answer = row && receipt.replay(row);
      if (answer) return answer;
      const isUndecided = isOutcome(error) || (isDuplicateKey(error) && !receipt.claimed);
      throw row && isUndecided ? new Unavailable("The same request is under way, try again") : error;
    }
  }

  /** The answer of before, or the refusal, thrown; undefined where nobody has come to one. */
  private async replay(receipt: Receipt): Promise<Message | undefined> {
    const row = await this.find(receipt);
    return row && receipt.replay(row);
  }

  private async find(receipt: Receipt): Promise<Row | undefined> {
    const [row] = await this.database.select(selectReceipts([receipt.id]));
    const at = now();
    if (!row || isRequestKnown(row.created_at as bigint, at)) return row;
    await this.database.write([
      { sql: "DELETE FROM receipts WHERE id = ? AND created_at <= ?", values: [receipt.id, at - requestKnownFor] },
    ]);
    return undefined;
  }
}
