import type { Database, Row, Session } from "../../platform/database/database.ts";
import { isDuplicateKey, isTakenId } from "../../platform/database/failures.ts";
import { insertInto } from "../../platform/database/statements.ts";
import { now } from "../../platform/time.ts";
import { type Contact, canonicalEmail } from "../domain/contact.ts";
import { ContactTaken, UsernameTaken } from "../domain/errors.ts";
import type { Role, User, UserDetails } from "../domain/user.ts";

const columns =
  "u.id, u.username, u.name, u.email, u.phone_number, u.role, u.vendor_id, u.verified_email, u.verified_phone";

/** A user and what their password is held against. */
export interface UserWithPassword {
  readonly user: User;
  /** A PHC string. */
  readonly passwordHash: string;
}

/** The people who can sign in. */
export class Users {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  async findByUsername(username: string): Promise<UserWithPassword | undefined> {
    const [row] = await this.database.select({
      sql: `SELECT ${columns}, u.password_hash FROM users u WHERE u.username = ?`,
      values: [username],
    });
    return row && { user: userOf(row), passwordHash: row.password_hash as string };
  }

  async findById(userId: bigint): Promise<User | undefined> {
    const [row] = await this.database.select({
      sql: `SELECT ${columns} FROM users u WHERE u.id = ?`,
      values: [userId],
    });
    return row && userOf(row);
  }

  /** The user of a session that has not ended. */
  async findBySession(userId: bigint, sessionId: bigint): Promise<User | undefined> {
    const [row] = await this.database.select({
      sql: `SELECT ${columns} FROM sessions s JOIN users u ON u.id = s.user_id
            WHERE s.id = ? AND s.ended_at IS NULL AND u.id = ?`,
      values: [sessionId, userId],
    });
    return row && userOf(row);
  }

  async hasSuperAdmin(): Promise<boolean> {
    const rows = await this.database.select({
      sql: "SELECT u.id FROM users u WHERE u.role = 'super_admin' LIMIT 1",
      values: [],
    });
    return rows.length > 0;
  }

  async find(session: Session, userId: bigint): Promise<User | undefined> {
    return this.read(session, userId, "");
  }

  /** What is decided about one user is decided once at a time. */
  async lock(session: Session, userId: bigint): Promise<User | undefined> {
    return this.read(session, userId, this.database.forUpdate);
  }

  /** Throws UsernameTaken. */
  async insert(session: Session, id: bigint, details: UserDetails, passwordHash: string): Promise<User> {
    const { username, name = null, email = null, phoneNumber = null, role, vendorId = null } = details;
    await orTaken(UsernameTaken, () =>
      session.run([
        insertInto(
          "users",
          ["id", "username", "password_hash", "name", "email", "phone_number", "role", "vendor_id", "created_at"],
          [[id, username, passwordHash, name, email, phoneNumber, role, vendorId, now()]],
        ),
      ]),
    );
    return { ...details, id, emailVerified: false, phoneVerified: false };
  }

  /** Makes a contact the user's own. Throws ContactTaken where it is somebody else's. */
  async setVerified(session: Session, userId: bigint, { channel, address }: Contact): Promise<void> {
    const [column, value] =
      channel === "email" ? ["verified_email", canonicalEmail(address)] : ["verified_phone", address];
    await orTaken(ContactTaken, () =>
      session.run([{ sql: `UPDATE users SET ${column} = ? WHERE id = ?`, values: [value, userId] }]),
    );
  }

  private async read(session: Session, userId: bigint, lock: string): Promise<User | undefined> {
    const [rows] = await session.run([
      { sql: `SELECT ${columns} FROM users u WHERE u.id = ?${lock}`, values: [userId] },
    ]);
    return rows?.[0] && userOf(rows[0]);
  }
}

async function orTaken(Taken: new () => Error, write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (error) {
    throw isDuplicateKey(error) && !isTakenId(error) ? new Taken() : error;
  }
}

function userOf(row: Row): User {
  const email = optional(row.email as string | null);
  const phoneNumber = optional(row.phone_number as string | null);
  return {
    id: row.id as bigint,
    username: row.username as string,
    name: optional(row.name as string | null),
    email,
    emailVerified: email !== undefined && row.verified_email === canonicalEmail(email),
    phoneNumber,
    phoneVerified: phoneNumber !== undefined && row.verified_phone === phoneNumber,
    role: row.role as Role,
    vendorId: optional(row.vendor_id as bigint | null),
  };
}

function optional<T>(value: T | null): T | undefined {
  return value ?? undefined;
}
