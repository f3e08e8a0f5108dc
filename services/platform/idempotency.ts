import { createCipheriv, createDecipheriv, createHash } from "node:crypto";
import { create, type DescMethod, fromBinary, type Message, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { StatusSchema } from "../../gen/google/rpc/status_pb.ts";
import type { Database, Row, Session, Statement } from "./database/database.ts";
import { isDuplicateKey } from "./database/failures.ts";
import { createTable } from "./database/migrate.ts";
import { insertInto, upsertInto } from "./database/statements.ts";
import { Refusal, type RefusalKind } from "./refusal.ts";
import type { Call } from "./rpc/call.ts";
import { refusalOf, statusOf } from "./rpc/status.ts";
import type { Migration, Worker } from "./service.ts";
import { now } from "./time.ts";

/** How long an answer is kept for replay. */
const keptFor = 24n * 3600n * 1_000_000n;

const columns = ["id", "request_hash", "refused", "answer", "created_at"] as const;

/** Refusals that are an outcome; the others say "not now", and the same request may go through later. */
const finalKinds: ReadonlySet<RefusalKind> = new Set(["invalid", "forbidden", "not_found", "rule", "conflict"]);

export const receiptsMigration: Migration = {
  name: "000-receipts",
  up: (knex) =>
    createTable(knex, "receipts", (table) => {
      table.specificType("id", "varbinary(32)").primary();
      table.specificType("request_hash", "varbinary(32)").notNullable();
      table.bigInteger("refused").notNullable();
      table.specificType("answer", "mediumblob").notNullable();
      table.bigInteger("created_at").notNullable().index();
    }),
};

/** Thrown when an idempotency key comes again with another request. */
export class IdempotencyKeyReused extends Refusal {
  constructor() {
    super("conflict", {
      reason: "IDEMPOTENCY_KEY_REUSED",
      message: "This idempotency key has been used with another request",
    });
  }
}

/**
 * The answer to one caller's request under one idempotency key. Neither the key nor the answer can be read from the
 * database: the row is found by a hash of the key, and opened by a key derived from it and the request.
 */
export class Receipt {
  readonly id: Buffer;
  readonly requestHash: Buffer;
  settled = false;
  private readonly method: DescMethod;
  private readonly sealingKey: Buffer;

  constructor(method: DescMethod, request: Message, call: Call) {
    const { userId, address } = call.caller;
    const owner = userId === 0n ? `address ${address}` : `user ${userId}`;
    const scope = JSON.stringify([owner, method.parent.typeName, method.name, call.idempotencyKey]);
    const bytes = toBinary(method.input, request);
    this.method = method;
    this.id = sha256("receipt", scope);
    this.sealingKey = sha256("answer", scope, bytes);
    this.requestHash = sha256("request", this.sealingKey);
  }

  /** A unique, unguessable and deterministic id for an effect of this request: 40 characters. */
  get effectId(): string {
    return sha256("effect", this.sealingKey).toString("hex").slice(0, 40);
  }

  /** What to write in the transaction of the effect. */
  settling(answer: object): Statement {
    this.settled = true;
    return insertInto("receipts", columns, [
      this.row(
        0n,
        toBinary(this.method.output, create(this.method.output, answer as MessageInitShape<DescMethod["output"]>)),
      ),
    ]);
  }

  /** What to write of a refusal, unless there is an answer already. */
  refusing(dialect: Database["dialect"], refusal: Refusal, requestId: string): Statement {
    const row = this.row(1n, toBinary(StatusSchema, statusOf(refusal, requestId)));
    return upsertInto(dialect, "receipts", columns, [row], { key: ["id"], update: [] });
  }

  /** Gives the first answer again. Throws the first refusal again, or IdempotencyKeyReused. */
  replay(row: Row): Message {
    if (!this.requestHash.equals(row.request_hash as Uint8Array)) throw new IdempotencyKeyReused();
    const bytes = this.open(row.answer as Uint8Array);
    if (row.refused) throw refusalOf(fromBinary(StatusSchema, bytes));
    return fromBinary(this.method.output, bytes);
  }

  private row(refused: bigint, bytes: Uint8Array) {
    return [this.id, this.requestHash, refused, this.seal(bytes), now()] as const;
  }

  /** The key seals one text only, so its nonce may be fixed (NIST SP 800-38D, 8.2). */
  private seal(bytes: Uint8Array): Buffer {
    const cipher = createCipheriv("aes-256-gcm", this.sealingKey, Buffer.alloc(12));
    return Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
  }

  private open(sealed: Uint8Array): Buffer {
    const decipher = createDecipheriv("aes-256-gcm", this.sealingKey, Buffer.alloc(12));
    decipher.setAuthTag(sealed.subarray(-16));
    return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
  }
}

/** Ends a handler that had an effect: writes the answer beside it where the caller gave an idempotency key. */
export async function settle<T extends object>(session: Session, call: Call, answer: T): Promise<T> {
  if (call.receipt) await session.run([call.receipt.settling(answer)]);
  return answer;
}

/** Runs requests that carry an idempotency key: each once, however often and wherever they arrive. */
export class Receipts {
  private readonly database: Database;
  private readonly running = new Map<string, Promise<unknown>>();

  constructor(database: Database) {
    this.database = database;
  }

  async once(method: DescMethod, request: Message, call: Call, run: () => Promise<Message>): Promise<Message> {
    const receipt = new Receipt(method, request, call);
    const id = receipt.id.toString("base64");
    // Duplicates in this process wait for the first; one in another process meets the unique key.
    for (let first = this.running.get(id); first; first = this.running.get(id)) {
      await first.catch(() => undefined);
      const row = await this.find(receipt);
      if (row) return receipt.replay(row);
    }
    const running = this.find(receipt).then((row) => {
      if (row) return receipt.replay(row);
      call.receipt = receipt;
      return this.runFirst(receipt, call, run);
    });
    this.running.set(id, running);
    try {
      return await running;
    } finally {
      this.running.delete(id);
    }
  }

  /** Forgets answers once they are 24 h old. */
  get purge(): Worker {
    return {
      name: "purge-receipts",
      everyMs: 600_000,
      alone: true,
      run: async () => {
        await this.database.transaction((tx) =>
          tx.run([{ sql: "DELETE FROM receipts WHERE created_at < ?", values: [now() - keptFor] }]),
        );
      },
    };
  }

  private async runFirst(receipt: Receipt, call: Call, run: () => Promise<Message>): Promise<Message> {
    try {
      const answer = await run();
      if (!receipt.settled) throw new Error("A handler has answered without settling its receipt");
      return answer;
    } catch (error) {
      if (error instanceof Refusal && finalKinds.has(error.kind)) {
        const { dialect } = this.database;
        await this.database.transaction((tx) => tx.run([receipt.refusing(dialect, error, call.requestId)]));
      } else if (!(error instanceof Refusal) && !isDuplicateKey(error)) {
        throw error;
      }
      // What refused it may be what a duplicate has done in another process: then that one's answer is this one's too.
      const row = await this.find(receipt);
      if (row) return receipt.replay(row);
      throw error;
    }
  }

  private async find(receipt: Receipt): Promise<Row | undefined> {
    const [row] = await this.database.select({
      sql: "SELECT request_hash, refused, answer, created_at FROM receipts WHERE id = ?",
      values: [receipt.id],
    });
    if (!row || (row.created_at as bigint) >= now() - keptFor) return row;
    await this.database.transaction((tx) =>
      tx.run([{ sql: "DELETE FROM receipts WHERE id = ? AND created_at < ?", values: [receipt.id, now() - keptFor] }]),
    );
    return undefined;
  }
}

function sha256(...parts: readonly (string | Uint8Array)[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("\0");
  return hash.digest();
}
