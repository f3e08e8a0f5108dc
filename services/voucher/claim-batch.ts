import type { Statement } from "../platform/database/database.ts";
import type { Outcome } from "../platform/lane.ts";
import { now } from "../platform/time.ts";
import type { Coupon } from "./domain/coupon.ts";
import { claimRefusal } from "./domain/coupon-claim.ts";
import { type Held, Holdings } from "./domain/holdings.ts";
import type { MemberCoupon } from "./domain/member-coupon.ts";
import { addIssued, addIssuedIfLeft } from "./store/coupons.ts";
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

/** The claims of one transaction, decided in turn: each sees what those before it did. */
export class ClaimBatch {
  /** What was granted here, in the order in which it was. */
  readonly issued: MemberCoupon[] = [];
  private readonly now = now();
  private readonly coupons: ReadonlyMap<bigint, Coupon>;
  private readonly heldBefore: Held;
  private readonly held = new Holdings();
  private readonly granted = new Map<bigint, bigint>();
  /** Those that were granted, in the order of what was issued. */
  private readonly commands: ClaimCommand[] = [];

  /** Coupons as they are, and who has how many of them. */
  constructor(coupons: ReadonlyMap<bigint, Coupon>, held: Held) {
    this.coupons = coupons;
    this.heldBefore = held;
  }

  decide({ id, command }: NumberedClaim): Outcome<MemberCoupon> {
    const { couponId, userId } = command;
    const coupon = this.coupons.get(couponId);
    const granted = this.granted.get(couponId) ?? 0n;
    const held = this.held.get(couponId, userId) ?? this.heldBefore.get(couponId, userId) ?? 0n;
    const issued = (coupon?.issuedQuantity ?? 0n) + granted;
    const refusal = claimRefusal(coupon, { issued, held, now: this.now });
    if (refusal) return { refusal };

    const ordinal = held + 1n;
    const answer: MemberCoupon = { id, couponId, userId, ordinal, issuedAt: this.now, state: { status: "issued" } };
    this.held.set(couponId, userId, ordinal);
    this.granted.set(couponId, granted + 1n);
    this.issued.push(answer);
    this.commands.push(command);
    return { answer };
  }

  /** What is to be written where the coupons are locked. */
  get statements(): Statement[] {
    return this.writing((coupon, count) => addIssued(coupon.id, count));
  }

  /** What is to be written where they are as somebody remembers them: fails where they are not so any more. */
  get guardedStatements(): Statement[] {
    return this.writing((coupon, count) => addIssuedIfLeft(coupon, count, this.now));
  }

  /** The coupons, as they are once it is committed. */
  get couponsAfter(): Coupon[] {
    return Array.from(this.coupons.values(), (coupon) => {
      const granted = this.granted.get(coupon.id);
      return granted === undefined ? coupon : { ...coupon, issuedQuantity: coupon.issuedQuantity + granted };
    });
  }

  private writing(count: (coupon: Coupon, issued: bigint) => Statement): Statement[] {
    if (this.issued.length === 0) return [];
    // In the order that every transaction locks them.
    const changed = [...this.coupons.values()].filter(({ id }) => this.granted.has(id)).sort(byId);
    const counts = changed.map((coupon) => count(coupon, this.granted.get(coupon.id) ?? 0n));
    const beside = this.issued.flatMap((issued, index) => this.commands[index]?.beside?.(issued) ?? []);
    return [...counts, insertMemberCoupons(this.issued), ...beside];
  }
}

function byId(a: Coupon, b: Coupon): number {
  return a.id < b.id ? -1 : 1;
}
