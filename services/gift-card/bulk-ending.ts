import { isFinalNo, NotFound, Refusal, Unavailable } from "../platform/refusal.ts";
import type { Call } from "../platform/rpc/call.ts";
import { now } from "../platform/time.ts";
import { type ReturnTarget, statusOf } from "./domain/card.ts";
import { GiftCardFinal } from "./domain/errors.ts";
import { isEndedBy } from "./domain/steps.ts";
import type { Returning } from "./returning.ts";
import type { CardLists } from "./store/card-lists.ts";

/** A card that was left as it was, and why: the reason of what refuses it. */
export interface SkippedCard {
  readonly id: bigint;
  readonly reason: string;
}

/** What came of ending many cards. */
export interface BulkEnding {
  readonly updatedCount: number;
  /** In the order in which they were asked for. */
  readonly skipped: readonly SkippedCard[];
}

/**
 * Ends many cards, each by itself: what refuses one never fails the others. One that the same request has ended, in another
 * run, is counted as if this one had. Rejects where it is not known of one whether it has begun to end: then nothing says
 * that it will.
 */
export async function endAll(
  ids: readonly bigint[],
  target: Exclude<ReturnTarget, "deleted">,
  { cards, returning }: { readonly cards: CardLists; readonly returning: Returning },
  call: Call,
): Promise<BulkEnding> {
  const found = await cards.findMany(ids);
  const at = now();
  const begun = await Promise.allSettled(
    ids.map(async (id) => {
      const card = found.get(id);
      if (!card || statusOf(card) === undefined) throw new NotFound("Gift card");
      if (card.state === target && !isEndedBy(card, call.receipt?.effectId, at)) throw new GiftCardFinal();
      return returning.begin(id, target, call);
    }),
  );
  for (const one of begun) if (one.status === "rejected" && !isFinalNo(one.reason)) throw one.reason;
  const outcomes = await Promise.allSettled(
    begun.map(async (one) => {
      if (one.status === "rejected") throw one.reason;
      await returning.finish(one.value, target, call);
    }),
  );
  const skipped = outcomes.flatMap((outcome, index) => {
    const id = ids[index];
    return outcome.status === "rejected" && id !== undefined ? [{ id, reason: reasonOf(outcome.reason) }] : [];
  });
  return { updatedCount: ids.length - skipped.length, skipped };
}

/** What else has gone wrong, the recovery mends: the change goes on behind the answer. */
function reasonOf(error: unknown): string {
  return error instanceof Refusal ? error.reason : new Unavailable().reason;
}
