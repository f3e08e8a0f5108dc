import { UserRegisteredSchema } from "../../gen/giftmesh/profile/v1/user_pb.ts";
import type { Database, Transaction } from "../platform/database/database.ts";
import type { Outbox } from "../platform/events/outbox.ts";
import type { IdSequence } from "../platform/ids.ts";
import type { Call } from "../platform/rpc/call.ts";
import type { User, UserDetails } from "./domain/user.ts";
import type { Passwords } from "./passwords.ts";
import { roleCodes } from "./role-codes.ts";
import type { Users } from "./store/users.ts";

interface Parts {
  readonly database: Database;
  readonly users: Users;
  readonly ids: IdSequence;
  readonly passwords: Passwords;
  readonly outbox: Outbox;
}

/** Makes users, and tells the other services of each. */
export class Registration {
  private readonly parts: Parts;

  constructor(parts: Parts) {
    this.parts = parts;
  }

  /**
   * Makes a user; `finish` ends the transaction, and what it answers is answered. `call` is the call that led to it, if
   * any. Throws UsernameTaken.
   */
  async register<T>(
    details: UserDetails,
    password: string,
    call: Call | undefined,
    finish: (tx: Transaction, user: User) => Promise<T>,
  ): Promise<T> {
    const { database, users, ids, passwords, outbox } = this.parts;
    const [id, hash] = await Promise.all([ids.take(), passwords.hash(password)]);
    return database.transaction(async (tx) => {
      const user = await users.insert(tx, id, details, hash);
      const event = { userId: id, role: roleCodes[details.role] };
      await outbox.add(tx, "giftmesh.profile.user-registered", UserRegisteredSchema, event, call);
      return finish(tx, user);
    });
  }
}
