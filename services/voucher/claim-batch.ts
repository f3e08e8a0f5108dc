import type { Statement } from "../platform/database/database.ts";
import type { Outcome } from "../platform/lane.ts";
import { now } from "../platform/time.ts";
import type { Coupon } from "./domain/coupon.ts";
import { claimRefusal } from "./domain/coupon-claim.ts";
import { type Held, Holdings } from "./domain/holdings.ts";
import type { MemberCoupon } from "./domain/member-coupon.ts";
import { addIssued, addIssuedIfLeft, type Issue } from "./store/coupons.ts";
import { insertMemberCoupons } from "./store/member-coupons.ts";

/** A claim, and what else is to be written if it is granted: in the same transaction, or not at all. */
export interface ClaimCommand {
  readonly couponId: bigint;
  readonly userId: bigint;
  /** Of the idempotency key that it came under, if any. */
  readonly receiptId?: Uint8Array | undefined;
  readonly beside?: (issued: MemberCoupon) => readonly Statement[];
}

/** A claim and the id that the member's coupon is to have: by it the claim is known again. */
export interface NumberedClaim {
  readonly id: bigint;
  readonly command: ClaimCommand;
  /** A commit of it was tried before: it may have gone through though the answer was lost. */
  wasTried: boolean;
}

/** What claims are decided by. */
export interface ClaimFacts {
  readonly coupons: ReadonlyMap<bigint, Coupon>;
  /** Who has how many of them. */
  readonly held: Held;
  /** Claims that are not committed yet, but must be before these: the coupons are as they are after them. */
  readonly before?: ClaimBatch | undefined;
}

/** The claims of one transaction, decided in turn: each sees what those before it did. */
export class ClaimBatch {
  /** What was granted here, in the order in which it was. */
  readonly issued: MemberCoupon[] = [];
  private readonly now = now();
  private readonly coupons: ReadonlyMap<bigint, Coupon>;
  private readonly held = new Holdings();
  private readonly heldBefore: Held;
  private readonly issues = new Map<bigint, Issue>();
  private readonly issuesBefore: ReadonlyMap<bigint, Issue> | undefined;
  /** Those that were granted, in the order of what was issued. */
  private readonly commands: ClaimCommand[] = [];

  constructor({ coupons, held, before }: ClaimFacts) {
    this.coupons = coupons;
    this.heldBefore = held;
    // Not the batch before itself, which has one before it: none of them would ever be let go.
    this.issuesBefore = before?.issues;
  }

  decide({ id, command }: NumberedClaim): Outcome<MemberCoupon> {
    const { couponId, userId } = command;
    const coupon = this.coupons.get(couponId);
    const issuedHere = this.issues.get(couponId)?.count ?? 0n;
    const held = this.held.get(couponId, userId) ?? this.heldBefore.get(couponId, userId) ?? 0n;
    const issued = (coupon?.issuedQuantity ?? 0n) + issuedHere;
    const refusal = claimRefusal(coupon, { issued, held, now: this.now });
    if (refusal) return { refusal };

    const ordinal = held + 1n;
    const answer: MemberCoupon = { id, couponId, userId, ordinal, issuedAt: this.now, state: { status: "issued" } };
    this.held.set(couponId, userId, ordinal);
    this.issues.set(couponId, { count: issuedHere + 1n, lastId: id });
    this.issued.push(answer);
    this.commands.push(command);
    return { answer };
  }

  /** What is to be written where the coupons are locked. */
  get statements(): Statement[] {
    return this.writing((coupon, issue) => addIssued(coupon.id, issue));
  }

  /**
   * What is to be written where they are as somebody remembers them: fails where they are not so any more, and where the
   * claims before these have not been committed.
   */
  get guardedStatements(): Statement[] {
    return this.writing((coupon, issue) => {
      const afterId = this.issuesBefore?.get(coupon.id)?.lastId;
      return addIssuedIfLeft(issue, { coupon, at: this.now, afterId });
    });
  }

  /** The coupons, as they are once it is committed. */
  get couponsAfter(): Coupon[] {
    return Array.from(this.coupons.values(), (coupon) => this.after(coupon));
  }

  /** A coupon as it is once it is committed; undefined where nothing was decided about it. */
  couponAfter(id: bigint): Coupon | undefined {
    const coupon = this.coupons.get(id);
    return coupon && this.after(coupon);
  }

  private after(coupon: Coupon): Coupon {
    const issue = this.issues.get(coupon.id);
    return issue === undefined ? coupon : { ...coupon, issuedQuantity: coupon.issuedQuantity + issue.count };
  }

  private writing(count: (coupon: Coupon, issue: Issue) => Statement): Statement[] {
    if (this.issued.length === 0) return [];
    // In the order that every transaction locks them.
    const counts = [...this.coupons.values()].sort(byId).flatMap((coupon) => {
      const issue = this.issues.get(coupon.id);
      return issue ? [count(coupon, issue)] : [];
    });
    const beside = this.issued.flatMap((issued, index) => this.commands[index]?.beside?.(issued) ?? []);
    return [...counts, insertMemberCoupons(this.issued), ...beside];
  }
}

function byId(a: Coupon, b: Coupon): number {
  return a.id < b.id ? -1 : 1;
}
