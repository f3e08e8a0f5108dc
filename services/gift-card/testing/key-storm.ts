import { setTimeout as sleep } from "node:timers/promises";
import { AdminGiftCardService } from "../../../gen/giftmesh/giftcard/v1/admin_gift_card_service_pb.ts";
import { type GiftCard, GiftCardStatus, GiftType } from "../../../gen/giftmesh/giftcard/v1/gift_card_pb.ts";
import { Refusal, Unavailable } from "../../platform/refusal.ts";
import type { Call } from "../../platform/rpc/call.ts";
import type { Around } from "../../platform/rpc/dispatcher.ts";
import { byAdmin, byUser, type RunningCards } from "./running-cards.ts";

/** What a card's flows ask of other services: where it is slow, or breaks. */
const inner: ReadonlySet<string> = new Set([
  "Transfer",
  "VoidTransfer",
  "GetTransfer",
  "PlaceGiftCardOrder",
  "CancelGiftCardOrder",
  "HoldStock",
]);

/** Few, so that they are used again and again, with one body and with another. */
const keys = ["one", "two", "three", "four", "five", "six", "seven", "eight", undefined, undefined];

const often = ["redeem to wallet", "redeem", "order", "cancel order", "make", "make", "change"] as const;
const rarely = ["end", "delete"] as const;

/** A request, to be sent to any replica, and sent again. */
interface Ask {
  readonly rpc: (typeof often)[number] | (typeof rarely)[number];
  readonly userId: bigint;
  readonly card: GiftCard;
  readonly amount: string;
  readonly idempotencyKey: string | undefined;
}

/** What was answered under a key, or refused. */
export interface KeyedOutcome {
  /** The caller, the RPC and the key: there is one outcome of all three. */
  readonly scope: string;
  readonly outcome: string;
}

export interface StormParts {
  readonly replicas: readonly [RunningCards, RunningCards];
  /** They make and redeem cards. */
  readonly userIds: readonly bigint[];
  readonly cards: readonly GiftCard[];
  /** Whose keys these are, so that no two storms have one in common. */
  readonly name: string;
}

/** Callers who ask for everything at once, at both replicas, under few keys, while calls are slow and answers are lost. */
export class KeyStorm {
  readonly outcomes: KeyedOutcome[] = [];
  /** The scopes under which cards were to be made: of each there is one card at most. */
  readonly makings = new Set<string>();
  private readonly parts: StormParts;

  constructor(parts: StormParts) {
    this.parts = parts;
  }

  /** Asks so often, so many at a time. Half of it has just been asked already. */
  async rage(asks: number, atOnce: number): Promise<void> {
    const { replicas } = this.parts;
    for (const replica of replicas) replica.comeBetween(roughly);
    const recent: Ask[] = [];
    let left = asks;
    const asking = async () => {
      while (left-- > 0) {
        const ask = Math.random() < 0.5 ? (recent.at(-Math.ceil(Math.random() * 30)) ?? this.newAsk()) : this.newAsk();
        recent.push(ask);
        await this.ask(ask);
      }
    };
    try {
      await Promise.all(Array.from({ length: atOnce }, asking));
    } finally {
      for (const replica of replicas) replica.comeBetween();
    }
  }

  private newAsk(): Ask {
    const { userIds, cards, name } = this.parts;
    const key = oneOf(keys);
    return {
      // What ends cards is asked for less often, or there would be none left to redeem.
      rpc: oneOf([...often, ...often, ...rarely]),
      userId: oneOf(userIds),
      card: oneOf(cards),
      amount: oneOf(["100.00", "110.00", "120.00"]),
      idempotencyKey: key && `${name} ${key}`,
    };
  }

  private async ask({ rpc, userId, card, amount, idempotencyKey }: Ask): Promise<void> {
    const { clients, cards } = oneOf(this.parts.replicas);
    const admins = clients.of(AdminGiftCardService);
    const options = { idempotencyKey, deadline: Date.now() + oneOf([15, 40, 5_000, 5_000]) };
    const [user, admin] = [byUser(userId, options), byAdmin(options)];
    const { id: giftCardId, code } = card;
    switch (rpc) {
      case "redeem to wallet":
        return this.note(rpc, user, cards.redeemGiftCardToWallet({ giftCardId, code }, user));
      case "redeem":
        return this.note(rpc, user, cards.redeemGiftCard({ code }, user));
      case "order":
        return this.note(rpc, user, cards.createOrderFromGiftCard({ giftCardId, code }, user));
      case "cancel order":
        return this.note(rpc, user, cards.cancelOrderAndRedeemToWallet({ giftCardId }, user));
      case "make":
        return this.note(rpc, user, cards.createGiftCard({ giftType: GiftType.WALLET, amount }, user));
      case "change":
        return this.note(rpc, admin, admins.updateGiftCard({ giftCardId, amount }, admin));
      case "end":
        return this.note(rpc, admin, admins.updateGiftCard({ giftCardId, status: GiftCardStatus.CANCELLED }, admin));
      case "delete":
        return this.note(rpc, admin, admins.deleteGiftCard({ giftCardId }, admin));
      default:
        return rpc satisfies never;
    }
  }

  private async note(rpc: Ask["rpc"], { caller, idempotencyKey }: Call, asked: Promise<unknown>): Promise<void> {
    const scope = `${caller.userId} ${rpc} ${idempotencyKey}`;
    if (rpc === "make" && idempotencyKey !== undefined) this.makings.add(scope);
    const outcome = await asked.then(textOf, (error) => {
      if (error instanceof Refusal) return error.reason;
      throw error;
    });
    if (idempotencyKey === undefined || outcome === "UNAVAILABLE" || outcome === "IDEMPOTENCY_KEY_REUSED") return;
    this.outcomes.push({ scope, outcome });
  }
}

/** Has calls be slow, now and then not arrive, and their answers now and then be lost. */
const roughly: Around = async (method, call, run) => {
  if (!inner.has(method.name)) return run(call);
  await sleep(Math.random() * 4);
  if (Math.random() < 0.06) throw new Unavailable();
  const answer = await run(call);
  if (Math.random() < 0.06) throw new Unavailable();
  return answer;
};

/** The same text for the same message, in whatever order its fields were set. */
function textOf(answer: unknown): string {
  return JSON.stringify(answer, (_, value) => {
    if (typeof value === "bigint") return String(value);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
  });
}

function oneOf<T>(all: readonly T[]): T {
  return all[Math.floor(Math.random() * all.length)] as T;
}
