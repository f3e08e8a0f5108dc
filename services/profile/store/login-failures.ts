import { createHash } from "node:crypto";
import type { Database, Row, Session, Statement } from "../../platform/database/database.ts";
import { upsertInto } from "../../platform/database/statements.ts";
import { networkOf } from "../../platform/networks.ts";
import { type Instant, now } from "../../platform/time.ts";
import { type Failures, forgottenAfter, type LoginFailures, networkKnownFor, noFailures } from "../domain/throttle.ts";

const columns = ["id", "failures", "last_failed_at"] as const;

/** One try to sign in: with which user name, whether there is such a user or not, and from where. */
export interface Attempt {
  readonly username: string;
  /** An IP address: in IPv6 a whole network has many, and is one that guesses. */
  readonly address: string;
}

/** How often signing in has failed of late, and from where it has not. */
export class LoginFailureCounts {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  async find(attempt: Attempt): Promise<LoginFailures> {
    const [rows, networks] = await Promise.all([
      this.database.select(selecting(attempt)),
      this.database.select(selectingNetwork(attempt)),
    ]);
    return failuresOf(attempt, rows, networks);
  }

  /** The counts as they are, locked where there are any. */
  async lock(session: Session, attempt: Attempt): Promise<LoginFailures> {
    const [rows, networks] = await session.run([
      selecting(attempt, this.database.forUpdate),
      selectingNetwork(attempt),
    ]);
    return failuresOf(attempt, rows, networks);
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

  /** Knows from now on that the user has signed in from there. */
  async rememberNetwork(session: Session, attempt: Attempt, at: Instant): Promise<void> {
    const row = [addressId(attempt), at] as const;
    const upsert = { key: ["id"], update: ["signed_in_at"] };
    await session.run([upsertInto(this.database.dialect, "known_networks", ["id", "signed_in_at"], [row], upsert)]);
  }

  /** Forgets what no longer counts at this instant. */
  async purge(at: Instant): Promise<void> {
    await this.database.write([
      { sql: "DELETE FROM login_failures WHERE last_failed_at < ?", values: [at - forgottenAfter] },
      { sql: "DELETE FROM known_networks WHERE signed_in_at < ?", values: [at - networkKnownFor] },
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

function selectingNetwork(attempt: Attempt): Statement {
  return {
    sql: "SELECT id FROM known_networks WHERE id = ? AND signed_in_at > ?",
    values: [addressId(attempt), now() - networkKnownFor],
  };
}

function failuresOf(attempt: Attempt, rows: readonly Row[] = [], networks: readonly Row[] = []): LoginFailures {
  const find = (id: Buffer) => countOf(rows.find((row) => id.equals(row.id as Uint8Array)));
  return {
    fromAddress: find(addressId(attempt)),
    ofUsername: find(usernameId(attempt)),
    isFromKnownNetwork: networks.length > 0,
  };
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
