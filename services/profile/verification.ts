import { createHash, randomInt, timingSafeEqual } from "node:crypto";
import {
  Channel as MessageChannel,
  NotificationRequestedSchema,
} from "../../gen/giftmesh/notification/v1/notification_pb.ts";
import { refuseIfAnswered } from "../platform/answered-elsewhere.ts";
import type { Database, Transaction } from "../platform/database/database.ts";
import type { Outbox } from "../platform/events/outbox.ts";
import { Unauthenticated } from "../platform/refusal.ts";
import type { Call } from "../platform/rpc/call.ts";
import { now } from "../platform/time.ts";
import { type Channel, type Contact, canonicalEmail, contactOf } from "./domain/contact.ts";
import { AlreadyVerified, InvalidVerificationCode, NoContact, VerificationTooSoon } from "./domain/errors.ts";
import type { User } from "./domain/user.ts";
import { isOpen, secondsUntilNextCode } from "./domain/verification.ts";
import type { SentCodes } from "./store/sent-codes.ts";
import type { Users } from "./store/users.ts";

interface Parts {
  readonly database: Database;
  readonly users: Users;
  readonly codes: SentCodes;
  readonly outbox: Outbox;
}

/** Ends a transaction; what it answers is answered. */
type Finish<T> = (tx: Transaction, user: User) => Promise<T>;

/** Finds out whether a contact is the user's own, by a code that is sent there. */
export class Verification {
  private readonly parts: Parts;

  constructor(parts: Parts) {
    this.parts = parts;
  }

  /** Sends a new code. Throws NoContact, AlreadyVerified, and VerificationTooSoon. */
  request<T>(userId: bigint, channel: Channel, call: Call, finish: Finish<T>): Promise<T> {
    const { database, codes, outbox } = this.parts;
    const code = newCode();
    return database.transaction(async (tx) => {
      const user = await this.lockUser(tx, userId);
      const contact = contactOf(user, channel);
      if (!contact) throw new NoContact(channel);
      if (contact.verified) throw new AlreadyVerified();
      const sentAt = now();
      const contactId = hashContact(contact);
      const contactSentAt = await codes.lockContact(tx, contactId);
      const hash = hashCode(userId, contact, code);
      const last = await codes.find(tx, userId, channel);
      const seconds = secondsUntilNextCode(last, contactSentAt, sentAt);
      if (seconds > 0) {
        await refuseIfAnswered(tx, call);
        // A commit of which nobody heard has sent it already.
        if (last && hash.equals(last.hash)) return finish(tx, user);
        throw new VerificationTooSoon(seconds);
      }
      await codes.replace(tx, userId, channel, hash, sentAt);
      await codes.markContact(tx, contactId, sentAt);
      const message = messageOf(contact, code);
      await outbox.add(tx, "giftmesh.notification.requested", NotificationRequestedSchema, message, call);
      return finish(tx, user);
    });
  }

  /** Makes the contact that a code was sent to the user's own. Throws InvalidVerificationCode, and ContactTaken. */
  async confirm<T>(userId: bigint, channel: Channel, code: string, finish: Finish<T>): Promise<T> {
    const { database, users, codes } = this.parts;
    let hasFinished = false;
    // A refusal that has an effect must not be thrown before that is committed.
    const confirmed = await database.transaction(async (tx) => {
      const user = await this.lockUser(tx, userId);
      const contact = contactOf(user, channel);
      // A commit of which nobody heard has verified it already.
      if (hasFinished && contact?.verified) return { answer: await finish(tx, user) };
      const sent = await codes.find(tx, userId, channel);
      if (!contact || !sent || !isOpen(sent, now())) return undefined;
      if (!timingSafeEqual(sent.hash, hashCode(userId, contact, code))) {
        await codes.countTry(tx, userId, channel);
        return undefined;
      }
      await users.setVerified(tx, userId, contact);
      await codes.delete(tx, userId, channel);
      // There is nothing left to guess at: the contact is nobody else's any more.
      await codes.markContact(tx, hashContact(contact), 0n);
      const answer = await finish(tx, verified(user, channel));
      hasFinished = true;
      return { answer };
    });
    if (!confirmed) throw new InvalidVerificationCode();
    return confirmed.answer;
  }

  private async lockUser(tx: Transaction, userId: bigint): Promise<User> {
    const user = await this.parts.users.lock(tx, userId);
    if (!user) throw new Unauthenticated();
    return user;
  }
}

/** Six digits. */
function newCode(): string {
  return String(randomInt(1_000_000)).padStart(6, "0");
}

/** The contact is in it, so that the code is no good for another one. */
function hashCode(userId: bigint, { channel, address }: Contact, code: string): Buffer {
  const text = JSON.stringify([String(userId), channel, address, code]);
  return createHash("sha256").update(text).digest();
}

/** A mailbox is the same whatever its case. */
function hashContact({ channel, address }: Contact): Buffer {
  return createHash("sha256")
    .update(JSON.stringify([channel, canonicalEmail(address)]))
    .digest();
}

function messageOf({ channel, address }: Contact, code: string) {
  const body = `Your giftmesh verification code is ${code}. It is good for 10 minutes.`;
  return channel === "email"
    ? { channel: MessageChannel.EMAIL, to: address, subject: "Your giftmesh verification code", body }
    : { channel: MessageChannel.SMS, to: address, body };
}

function verified(user: User, channel: Channel): User {
  return channel === "email" ? { ...user, emailVerified: true } : { ...user, phoneVerified: true };
}
