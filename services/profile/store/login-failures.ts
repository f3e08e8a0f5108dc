import { createHash } from "node:crypto";
import type { Database, Row, Session, Statement } from "../../platform/database/database.ts";
import { upsertInto } from "../../platform/database/statements.ts";
import { networkOf } from "../../platform/networks.ts";
import type { Instant } from "../../platform/time.ts";
import { type Failures, forgottenAfter, type LoginFailures, noFailures } from "../domain/throttle.ts";

const columns = ["id", "failures", "last_failed_at"] as const;

/** One try to sign in: with which user name, whether there is such a user or not, and from where. */
export interface Attempt {
  readonly username: string;
  /** An IP address: in IPv6 a whole network has many, and is one that guesses. */
  readonly address: string;
}

/** How often signing in has failed of late. */
export class LoginFailureCounts {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  async find(attempt: Attempt): Promise<LoginFailures> {
    return failuresOf(await this.database.select(selecting(attempt)), attempt);
  }

  /** The counts as they are, locked where there are any. */
  async lock(session: Session, attempt: Attempt): Promise<LoginFailures> {
    const [rows] = await session.run([selecting(attempt, this.database.forUpdate)]);
    return failuresOf(rows ?? [], attempt);
  }

  /** Sees to it that there are counts to lock. */
  async prepare(session: Session, attempt: Attempt): Promise<void> {
    await session.run([this.putting(attempt, { fromAddress: noFailures, ofUsername: noFailures }, [])]);
  }

  async save(session: Session, attempt: Attempt, failures: LoginFailures): Promise<void> {
    await session.run([this.putting(attempt, failures, ["failures", "last_failed_at"])]);
  }

  /** Forgets those from one address; what others did from elsewhere stands. */
  async clearAddress(session: Session, attempt: Attempt): Promise<void> {
    await session.run([{ sql: "DELETE FROM login_failures WHERE id = ?", values: [addressId(attempt)] }]);
  }

  /** Forgets what no longer counts at this instant. */
  async purge(at: Instant): Promise<void> {
    await this.database.write([
      { sql: "DELETE FROM login_failures WHERE last_failed_at < ?", values: [at - forgottenAfter] },
    ]);
  }

  private putting(attempt: Attempt, failures: LoginFailures, update: readonly string[]): Statement {
    const rows = [
      [addressId(attempt), BigInt(failures.fromAddress.count), failures.fromAddress.lastAt],
      [usernameId(attempt), BigInt(failures.ofUsername.count), failures.ofUsername.lastAt],
    ] as const;
    // Always locked in the same order, or two attempts could wait for each other.
    const sorted = rows.toSorted(([a], [b]) => Buffer.compare(a, b));
    return upsertInto(this.database.dialect, "login_failures", columns, sorted, { key: ["id"], update });
  }
}

function selecting(attempt: Attempt, lock = ""): Statement {
  return {
    sql: `SELECT id, failures, last_failed_at FROM login_failures WHERE id IN (?, ?) ORDER BY id${lock}`,
    values: [addressId(attempt), usernameId(attempt)],
  };
}

function failuresOf(rows: readonly Row[], attempt: Attempt): LoginFailures {
  const find = (id: Buffer) => countOf(rows.find((row) => id.equals(row.id as Uint8Array)));
  return { fromAddress: find(addressId(attempt)), ofUsername: find(usernameId(attempt)) };
}

function countOf(row: Row | undefined): Failures {
  return row ? { count: Number(row.failures), lastAt: row.last_failed_at as bigint } : noFailures;
}

function addressId({ username, address }: Attempt): Buffer {
  return hashOf([username, networkOf(address)]);
}

function usernameId({ username }: Attempt): Buffer {
  return hashOf([username]);
}

function hashOf(parts: readonly string[]): Buffer {
  return createHash("sha256").update(JSON.stringify(parts)).digest();
}
