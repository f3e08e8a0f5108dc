import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { create, type DescMethod, fromBinary, type Message, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { Caller } from "../../gen/giftmesh/common/v1/access_pb.ts";
import { StatusSchema } from "../../gen/google/rpc/status_pb.ts";
import type { Database, Row, Statement, Value } from "./database/database.ts";
import { createTable } from "./database/migrate.ts";
import { insertInto, placeholders, upsertInto } from "./database/statements.ts";
import { networkOf } from "./networks.ts";
import { Refusal, type RefusalKind } from "./refusal.ts";
import { accessOf, proofIn } from "./rpc/access.ts";
import type { Call } from "./rpc/call.ts";
import { refusalOf, statusOf } from "./rpc/status.ts";
import type { Migration } from "./service.ts";
import { type Instant, now } from "./time.ts";

/**
 * After how long a claim is nobody's any more, in microseconds: longer than any call waits. It is told by the clocks of
 * the replicas, and does no harm where it is too early: whoever is under way then ends as if it had not been told.
 */
const claimedFor = 60_000_000n;

const columns = ["id", "request_hash", "refused", "answer", "created_at", "claimant"] as const;

/** Refusals that are an outcome; the others say "not now", and the same request may go through later. */
const finalKinds: ReadonlySet<RefusalKind> = new Set(["invalid", "forbidden", "not_found", "rule", "conflict"]);

export const receiptsMigrations: readonly Migration[] = [
  {
    name: "000-receipts",
    up: (knex) =>
      createTable(knex, "receipts", (table) => {
        table.specificType("id", "varbinary(32)").primary();
        table.specificType("request_hash", "varbinary(32)").notNullable();
        table.bigInteger("refused").notNullable();
        table.specificType("answer", "mediumblob").notNullable();
        table.bigInteger("created_at").notNullable().index();
      }),
  },
  {
    name: "000-receipts-claims",
    up: async (knex) => {
      if (await knex.schema.hasColumn("receipts", "claimant")) return;
      // Set while there is no answer yet: the run of the request that has claimed the key last.
      await knex.schema.alterTable("receipts", (table) => table.specificType("claimant", "varbinary(16)"));
    },
  },
];

/** Thrown when an idempotency key comes again with another request. */
export class IdempotencyKeyReused extends Refusal {
  constructor() {
    super("conflict", {
      reason: "IDEMPOTENCY_KEY_REUSED",
      message: "This idempotency key has been used with another request",
    });
  }
}

/** Whether an error is the outcome of a request, so that it is told again whenever the request comes again. */
export function isOutcome(error: unknown): error is Refusal {
  return error instanceof Refusal && finalKinds.has(error.kind) && !(error instanceof IdempotencyKeyReused);
}

/** Receipts by their ids, locked where `lock` is FOR UPDATE: claims, and answers. */
export function selectReceipts(ids: readonly Uint8Array[], lock = ""): Statement {
  return {
    sql: `SELECT ${columns.join(", ")} FROM receipts WHERE id IN (${placeholders(ids.length)}) ORDER BY id${lock}`,
    values: ids,
  };
}

/** Which of these receipts there are: to be asked once the rows in question are locked. */
export function selectAnswered(ids: readonly Uint8Array[]): Statement {
  return { sql: `SELECT id FROM receipts WHERE id IN (${placeholders(ids.length)})`, values: ids };
}

/** What writes the claims of these receipts, of which there is no row. */
export function insertClaims(receipts: readonly Receipt[]): Statement {
  return insertInto(
    "receipts",
    columns,
    receipts.map((receipt) => receipt.claim),
  );
}

/**
 * The answer to one caller's request under one idempotency key, as one run of that request comes to it. Neither the key
 * nor the answer can be read from the database: the row is found by a hash of the key, and opened by a key derived from
 * it and the request.
 */
export class Receipt {
  readonly id: Buffer;
  readonly requestHash: Buffer;
  settled = false;
  /** Whether this run has claimed the key: then the answer takes the place of the claim. */
  claimed = false;
  /** Whether an earlier run has, of which nobody knows what came: there may be an effect of this request already. */
  claimedBefore = false;
  private readonly claimant = randomBytes(16);
  private readonly method: DescMethod;
  private readonly requestId: string;
  private readonly dialect: Database["dialect"];
  private readonly sealingKey: Buffer;

  constructor(method: DescMethod, request: Message, call: Call, dialect: Database["dialect"]) {
    const owner = ownerOf(method, request, call.caller);
    const scope = JSON.stringify([owner, method.parent.typeName, method.name, call.idempotencyKey]);
    const bytes = toBinary(method.input, request);
    this.method = method;
    this.requestId = call.requestId;
    this.dialect = dialect;
    this.id = sha256("receipt", scope);
    this.sealingKey = sha256("answer", scope, bytes);
    this.requestHash = sha256("request", this.sealingKey);
  }

  /** A unique, unguessable and deterministic id for an effect of this request: 40 characters. */
  get effectId(): string {
    return sha256("effect", this.sealingKey).toString("hex").slice(0, 40);
  }

  /** The row that claims the key for this run. */
  get claim(): readonly Value[] {
    return [this.id, this.requestHash, 0n, Buffer.alloc(0), now(), this.claimant];
  }

  /** What has a claim of the same request, which is locked, be this run's. */
  takingOver(): Statement {
    const sql = "UPDATE receipts SET claimant = ?, created_at = ? WHERE id = ?";
    return { sql, values: [this.claimant, now(), this.id] };
  }

  /** What to write in the transaction of the effect. */
  settling(answer: object): Statement[] {
    this.settled = true;
    const { output } = this.method;
    const bytes = toBinary(output, create(output, answer as MessageInitShape<DescMethod["output"]>));
    const written = insertInto("receipts", columns, [this.row(0n, bytes)]);
    return this.claimed ? [this.droppingClaim(), written] : [written];
  }

  /** What to write of a refusal, unless there is an answer already, or some other run may yet come to one. */
  refusing(refusal: Refusal): Statement[] {
    const row = this.row(1n, toBinary(StatusSchema, statusOf(refusal, this.requestId)));
    return [
      this.droppingClaimUnlessTaken(now() - claimedFor),
      upsertInto(this.dialect, "receipts", columns, [row], { key: ["id"], update: [] }),
    ];
  }

  /** Throws IdempotencyKeyReused where a row is another request's. */
  check(row: Row): void {
    if (!this.requestHash.equals(row.request_hash as Uint8Array)) throw new IdempotencyKeyReused();
  }

  /**
   * Gives the first answer again; undefined where there is but a claim. Throws the first refusal again, or
   * IdempotencyKeyReused.
   */
  replay(row: Row): Message | undefined {
    this.check(row);
    this.claimedBefore = isClaim(row);
    if (this.claimedBefore) return undefined;
    const bytes = this.open(row.answer as Uint8Array);
    if (row.refused) throw refusalOf(fromBinary(StatusSchema, bytes));
    return fromBinary(this.method.output, bytes);
  }

  private droppingClaim(): Statement {
    const sql = "DELETE FROM receipts WHERE id = ? AND request_hash = ? AND claimant IS NOT NULL";
    return { sql, values: [this.id, this.requestHash] };
  }

  private droppingClaimUnlessTaken(before: Instant): Statement {
    const { sql, values } = this.droppingClaim();
    return { sql: `${sql} AND (claimant = ? OR created_at < ?)`, values: [...values, this.claimant, before] };
  }

  private row(refused: bigint, bytes: Uint8Array): readonly Value[] {
    return [this.id, this.requestHash, refused, this.seal(bytes), now(), null];
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

/** Whether a row says only that some run has claimed the key. */
export function isClaim({ claimant }: Row): boolean {
  return claimant !== null;
}

/**
 * Whose a key is: of one proof, user or network. Whoever has a proof may ask again from another address, and with
 * another token or without.
 */
function ownerOf(method: DescMethod, request: Message, { userId, address }: Caller): string {
  const proof = proofIn(request, accessOf(method));
  if (proof !== undefined) return `proof ${proof}`;
  return userId === 0n ? `address ${networkOf(address)}` : `user ${userId}`;
}

function sha256(...parts: readonly (string | Uint8Array)[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("\0");
  return hash.digest();
}
