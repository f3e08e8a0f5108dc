import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { Channel } from "../../gen/giftmesh/notification/v1/notification_pb.ts";
import type { NotificationService } from "../../gen/giftmesh/notification/v1/notification_service_pb.ts";
import type { ContactService } from "../../gen/giftmesh/profile/v1/contact_service_pb.ts";
import type { Statement } from "../platform/database/database.ts";
import { Refusal } from "../platform/refusal.ts";
import { Call } from "../platform/rpc/call.ts";
import type { Client } from "../platform/rpc/handler.ts";
import type { Worker } from "../platform/service.ts";
import { type Instant, now } from "../platform/time.ts";
import { Bell, backoffMs, pause } from "../platform/waiting.ts";
import type { CardCodes } from "./card-codes.ts";
import type { CardWitness } from "./card-events.ts";
import type { Card } from "./domain/card.ts";
import {
  type Address,
  addressOf,
  addressOfRecipient,
  type Letter,
  letterOfMade,
  letterOfReaddressed,
  letterOfRedeemed,
  letterOfReturned,
  type Text,
  textForRecipient,
  textForSender,
} from "./domain/letter.ts";
import type { CardLists } from "./store/card-lists.ts";
import { insertLetter, type LetterRows, type WaitingLetter } from "./store/letters.ts";

/** How many letters are on their way at once. */
const atOnce = 200;

/** How often it is looked for letters that nobody here has rung for. */
const pollMs = 500;

/** How long, and how often, it is looked for a letter that was rung for: its transaction has still to commit. */
const commitMs = 10;
const commitTries = 5;

const backoff = { firstMs: 1_000, mostMs: 60_000 };

/** What could not be sent in a week is news no more, in microseconds. */
const worthSendingFor = 7n * 86_400_000_000n;

export interface LettersParts {
  readonly rows: LetterRows;
  readonly cards: Pick<CardLists, "findMany">;
  readonly codes: Pick<CardCodes, "open">;
  readonly contacts: Client<typeof ContactService>;
  readonly notifications: Client<typeof NotificationService>;
  readonly log: Logger;
}

/**
 * Tells people what happened to a card of theirs. That somebody is to be told is written with what they are told of; it is
 * done right after, by a worker, and again until notification has taken it, which takes each letter once. A code is read
 * only then, and handed over by RPC: it is in no row and in no event.
 */
export class Letters implements CardWitness {
  private readonly parts: LettersParts;
  private readonly bell = new Bell();

  constructor(parts: LettersParts) {
    this.parts = parts;
  }

  created(card: Card): Statement[] {
    return this.adding(letterOfMade(card));
  }

  readdressed(before: Card, after: Card): Statement[] {
    return this.adding(letterOfReaddressed(before, after));
  }

  redeemed(card: Card): Statement[] {
    return this.adding(letterOfRedeemed(card));
  }

  returned(card: Card): Statement[] {
    return this.adding(letterOfReturned(card));
  }

  get worker(): Worker {
    return { name: "send-letters", everyMs: 1_000, alone: true, run: (signal) => this.run(signal) };
  }

  private adding(letter: Letter | undefined): Statement[] {
    if (!letter) return [];
    this.bell.ring();
    return [insertLetter(letter, now())];
  }

  private async run(stopping: AbortSignal): Promise<void> {
    while (!stopping.aborted) {
      const rung = await this.bell.wait(pollMs, stopping);
      for (let attempt = 1; (await this.sendDue(stopping)) === 0 && rung && attempt < commitTries; attempt++) {
        await pause(commitMs, stopping);
      }
    }
  }

  /** Sends those whose time has come; answers how many there were. */
  private async sendDue(stopping: AbortSignal): Promise<number> {
    let found = 0;
    while (!stopping.aborted) {
      const due = await this.parts.rows.due(now(), atOnce);
      found += due.length;
      await this.sendAll(due);
      if (due.length < atOnce) break;
    }
    return found;
  }

  private async sendAll(letters: readonly WaitingLetter[]): Promise<void> {
    if (letters.length === 0) return;
    const cards = await this.parts.cards.findMany([...new Set(letters.map(({ cardId }) => cardId))]);
    const call = new Call({ requestId: randomUUID() });
    const settled = await Promise.allSettled(
      letters.map((letter) => this.send(letter, cards.get(letter.cardId), call)),
    );
    const done: WaitingLetter[] = [];
    const postponed: [WaitingLetter, Instant][] = [];
    for (const [index, letter] of letters.entries()) {
      const outcome = settled[index];
      if (outcome?.status !== "rejected" || this.isGivenUp(letter, outcome.reason)) done.push(letter);
      else postponed.push([letter, now() + BigInt(Math.ceil(backoffMs(letter.attempts + 1, backoff) * 1_000))]);
    }
    await this.parts.rows.settle(done, postponed);
  }

  private isGivenUp({ id, cardId, attempts, createdAt }: WaitingLetter, error: unknown): boolean {
    const isOver = now() - createdAt >= worthSendingFor;
    const report = { err: error, letterId: id, cardId: String(cardId), attempts: attempts + 1 };
    if (isOver) this.parts.log.error(report, "a letter could not be sent in a week and is given up");
    else if (attempts === 0) this.parts.log.warn(report, "a letter cannot be sent now and waits");
    return isOver;
  }

  /** Where there is nobody to tell, or nothing any more, nothing is sent. */
  private async send(letter: WaitingLetter, card: Card | undefined, call: Call): Promise<void> {
    const written = card && (await this.write(letter, card, call));
    if (!written) return;
    const { address, text } = written;
    const channel = address.channel === "email" ? Channel.EMAIL : Channel.SMS;
    await this.parts.notifications.sendNotification({ id: letter.id, channel, to: address.to, ...text }, call);
  }

  private async write({ kind }: WaitingLetter, card: Card, call: Call): Promise<Written | undefined> {
    if (kind === "given") {
      const address = addressOfRecipient(card);
      const text = address && textForRecipient(card, this.parts.codes.open(card.id, card.code), address);
      return address && text && { address, text };
    }
    const address = await this.addressOfUser(card.sender.id, call);
    return address && { address, text: textForSender(card, kind, address) };
  }

  /** Where somebody has shown to be reached. */
  private async addressOfUser(userId: bigint, call: Call): Promise<Address | undefined> {
    try {
      const { contacts } = await this.parts.contacts.getContacts({ userId }, call);
      return addressOf(contacts?.email, contacts?.phoneNumber);
    } catch (error) {
      if (error instanceof Refusal && error.kind === "not_found") return undefined;
      throw error;
    }
  }
}

interface Written {
  readonly address: Address;
  readonly text: Text;
}
