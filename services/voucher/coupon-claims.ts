import { AnsweredElsewhere } from "../platform/answered-elsewhere.ts";
import type { Database, Statement } from "../platform/database/database.ts";
import { isTransient } from "../platform/database/failures.ts";
import type { IdSequence } from "../platform/ids.ts";
import { type Circumstances, Lane, type LaneObserver, type Outcome } from "../platform/lane.ts";
import { selectAnswered } from "../platform/receipt.ts";
import { ClaimBatch, type ClaimCommand, type NumberedClaim } from "./claim-batch.ts";
import { Holdings } from "./domain/holdings.ts";
import type { MemberCoupon } from "./domain/member-coupon.ts";
import { RememberedCoupons } from "./remembered-coupons.ts";
import { couponOf, selectCoupons } from "./store/coupons.ts";
import { countHeld, memberCouponOf, selectClaimed } from "./store/member-coupons.ts";

/** Members' coupons are numbered so many at a time. */
export const couponNumbersAtOnce = 10_000n;

/** Where so many batches in a row were sent ahead of time for nothing, another process is at the same coupons. */
const mostInVain = 3;

/** For so long batches then go one by one, in milliseconds. */
const apartMs = 1_000;

/** Gives coupons to those who claim them, first come, first served: decided in turn, and committed together. */
export class CouponClaims {
  private readonly database: Database;
  private readonly ids: IdSequence;
  private readonly remembered = new RememberedCoupons();
  private readonly lane: Lane<NumberedClaim, MemberCoupon>;
  /** What was sent last and has not been answered: what it will have done is known, if it is committed. */
  private sent: ClaimBatch | undefined;
  /** How many in a row were sent ahead for nothing. */
  private inVain = 0;
  /** In milliseconds since 1970. */
  private apartUntil = 0;

  constructor(database: Database, ids: IdSequence, observe?: LaneObserver) {
    this.database = database;
    this.ids = ids;
    const commit = (claims: readonly NumberedClaim[], how: Circumstances) => this.commit(claims, how);
    this.lane = new Lane(commit, { observe, database, underWay: database.commitsAside ? 2 : 1 });
  }

  /** Issues a coupon to a member. Rejects with what refuses it, having issued nothing. */
  claim(command: ClaimCommand, deadline?: number): Promise<MemberCoupon> {
    const submit = (id: bigint) => this.lane.submit({ id, command, wasTried: false }, deadline);
    const id = this.ids.take();
    return typeof id === "bigint" ? submit(id) : id.then(submit);
  }

  private async commit(
    claims: readonly NumberedClaim[],
    { earlier, forUpdate }: Circumstances,
  ): Promise<Outcome<MemberCoupon>[]> {
    const triedBefore = claims.filter(({ wasTried }) => wasTried);
    for (const claim of claims) claim.wasTried = true;
    if (triedBefore.length === 0) {
      const outcomes = await this.commitUnseen(claims, earlier);
      if (outcomes) return outcomes;
    }
    await earlier;
    return this.commitLocked(claims, triedBefore, forUpdate);
  }

  /** By what is remembered: while those before are still being committed, or else after that. */
  private async commitUnseen(
    claims: readonly NumberedClaim[],
    earlier: Promise<unknown> | undefined,
  ): Promise<Outcome<MemberCoupon>[] | undefined> {
    const before = earlier && this.apartUntil <= performance.now() ? this.sent : undefined;
    if (before) {
      const outcomes = await this.commitRemembered(claims, before);
      this.inVain = outcomes ? 0 : this.inVain + 1;
      if (outcomes) return outcomes;
    }
    if (this.inVain === mostInVain) {
      this.inVain = 0;
      this.apartUntil = performance.now() + apartMs;
    }
    await earlier;
    return this.commitRemembered(claims);
  }

  /**
   * One round trip: decides by the coupons as this process remembers them, and after those before as they will be. That
   * there is enough left, the rules are still the same and those before have been committed is held by the statement that
   * counts, that nobody has more than is known by the key of what is issued: where it is not so, nothing is written. What
   * is remembered may grant a claim, but never refuse one. Undefined where it was of no use.
   */
  private async commitRemembered(
    claims: readonly NumberedClaim[],
    before?: ClaimBatch,
  ): Promise<Outcome<MemberCoupon>[] | undefined> {
    const coupons = this.remembered.coupons(claims, before);
    if (!coupons) return undefined;
    const batch = new ClaimBatch({ coupons, held: this.remembered.held, before });
    const outcomes: Outcome<MemberCoupon>[] = [];
    for (const claim of claims) {
      const outcome = batch.decide(claim);
      if ("refusal" in outcome) return undefined;
      outcomes.push(outcome);
    }
    this.sent = batch;
    try {
      await this.database.commit(batch.guardedStatements);
    } catch (error) {
      // It may be that those before are to come yet; what they have left is then not known to be otherwise.
      if (!before) this.remembered.forget(coupons.keys());
      if (isTransient(error)) throw error;
      // Whatever it was: the longer way sees it.
      return undefined;
    } finally {
      if (this.sent === batch) this.sent = undefined;
    }
    this.remembered.remember(batch);
    return outcomes;
  }

  /** Two round trips: locks the coupons, and looks who has them. */
  private async commitLocked(
    claims: readonly NumberedClaim[],
    triedBefore: readonly NumberedClaim[],
    forUpdate: string,
  ): Promise<Outcome<MemberCoupon>[]> {
    const commands = claims.map(({ command }) => command);
    const receiptIds = commands.flatMap(({ receiptId }) => (receiptId ? [receiptId] : []));
    const none: Statement[] = [];
    const load = [
      selectCoupons([...new Set(commands.map(({ couponId }) => couponId))], forUpdate),
      // After the locks, so that what was under way is seen.
      countHeld(commands),
      ...(receiptIds.length > 0 ? [selectAnswered(receiptIds)] : none),
      ...(triedBefore.length > 0 ? [selectClaimed(triedBefore.map(({ id, command }) => ({ ...command, id })))] : none),
    ];
    const { outcomes, batch } = await this.database.batch(load, async ([coupons = [], holdings = [], ...rest]) => {
      const held = new Holdings();
      for (const row of holdings) {
        const [couponId, userId, count] = [row.coupon_id as bigint, row.user_id as bigint, row.held as bigint];
        held.set(couponId, userId, count);
        this.remembered.rememberHeld(couponId, userId, count);
      }
      const locked = coupons.map(couponOf).map((coupon) => [coupon.id, coupon] as const);
      const batch = new ClaimBatch({ coupons: new Map(locked), held });
      const answered = new Set(receiptIds.length > 0 ? rest[0]?.map((row) => textOf(row.id as Uint8Array)) : []);
      const made = new Map(triedBefore.length > 0 ? rest.at(-1)?.map((row) => [row.id, memberCouponOf(row)]) : []);
      const outcomes = claims.map((claim): Outcome<MemberCoupon> => {
        const before = made.get(claim.id);
        if (before) return { answer: before };
        const { receiptId } = claim.command;
        if (receiptId && answered.has(textOf(receiptId))) return { refusal: new AnsweredElsewhere() };
        return batch.decide(claim);
      });
      return { save: batch.statements, result: { outcomes, batch } };
    });
    this.remembered.remember(batch);
    return outcomes;
  }
}

function textOf(id: Uint8Array): string {
  return Buffer.from(id).toString("base64");
}
