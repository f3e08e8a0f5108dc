import type { Statement } from "../platform/database/database.ts";
import type { Outcome } from "../platform/lane.ts";
import { now } from "../platform/time.ts";
import type { Coupon } from "./domain/coupon.ts";
import { type CouponUse, decideUse, type LiveUse, type UseCommand } from "./domain/coupon-use.ts";
import { holdingKey, type MemberCoupon } from "./domain/member-coupon.ts";
import { endUses, insertUses } from "./store/coupon-uses.ts";
import { addUsed } from "./store/coupons.ts";
import { giveBackFrom, takeFor } from "./store/member-coupons.ts";

/** What an order wants done. */
export type UseLaneCommand = ({ readonly kind: "use" } & UseCommand) | { readonly kind: "return"; readonly id: string };

/** What a batch of uses rests on: locked, but for the coupons. */
export interface UseFactsLoaded {
  readonly uses: readonly CouponUse[];
  /** Of each member and coupon in the batch, by their ordinal. */
  readonly held: readonly MemberCoupon[];
  readonly coupons: readonly Coupon[];
}

/** The uses and returns of one transaction, decided in turn: each sees what those before it did. */
export class UseBatch {
  private readonly now = now();
  private readonly coupons: ReadonlyMap<bigint, Coupon>;
  private readonly held: Map<bigint, MemberCoupon[]>;
  private readonly known: Map<string, CouponUse>;
  /** Ids that were no use before. */
  private readonly added = new Set<string>();
  /** Uses from before that end here. */
  private readonly ended: LiveUse[] = [];
  private readonly usedMore = new Map<bigint, bigint>();

  constructor({ uses, held, coupons }: UseFactsLoaded) {
    this.coupons = new Map(coupons.map((coupon) => [coupon.id, coupon]));
    this.held = Map.groupBy(held, ({ couponId, userId }) => holdingKey(couponId, userId));
    this.known = new Map(uses.map((use) => [use.id, use]));
  }

  decide(command: UseLaneCommand): Outcome<CouponUse> {
    switch (command.kind) {
      case "use":
        return this.use(command);
      case "return":
        return { answer: this.return(command.id) };
      default:
        throw command satisfies never;
    }
  }

  /** What is to be written. */
  get statements(): Statement[] {
    const added = [...this.added].map((id) => this.known.get(id) as CouponUse);
    const taken = added.filter((use) => use.status === "used");
    const counts = [...this.usedMore].filter(([, count]) => count !== 0n).sort(([a], [b]) => (a < b ? -1 : 1));
    return [
      // What is given back first, since it may be taken again.
      ...(this.ended.length > 0
        ? [
            endUses(
              this.ended.map(({ id }) => id),
              this.now,
            ),
          ]
        : []),
      ...(added.length > 0 ? [insertUses(added, this.now)] : []),
      ...this.ended.map(giveBackFrom),
      ...taken.map(takeFor),
      ...counts.map(([couponId, count]) => addUsed(couponId, count)),
    ];
  }

  private use({ kind: _, ...command }: UseLaneCommand & { kind: "use" }): Outcome<LiveUse> {
    const decision = decideUse(command, {
      known: this.known.get(command.id),
      coupon: this.coupons.get(command.couponId),
      held: this.held.get(holdingKey(command.couponId, command.userId)) ?? [],
      now: this.now,
    });
    switch (decision.kind) {
      case "refused":
        return { refusal: decision.refusal };
      case "made before":
        return { answer: decision.use };
      case "made": {
        const { use } = decision;
        this.known.set(use.id, use);
        this.added.add(use.id);
        this.count(use.couponId, 1n);
        this.setState(use, { status: "used", useId: use.id, orderId: use.orderId, usedAt: use.createdAt });
        return { answer: use };
      }
      default:
        throw decision satisfies never;
    }
  }

  private return(id: string): CouponUse {
    const known = this.known.get(id);
    if (known?.status === "returned") return known;
    if (known) {
      if (!this.added.has(id)) this.ended.push(known);
      this.count(known.couponId, -1n);
      this.setState(known, { status: "issued" });
    } else {
      this.added.add(id);
    }
    const ended: CouponUse = { status: "returned", id };
    this.known.set(id, ended);
    return ended;
  }

  /** What a later command of this batch finds the member's coupon in; that of a return need not be here. */
  private setState({ couponId, userId, memberCouponId }: LiveUse, state: MemberCoupon["state"]): void {
    const held = this.held.get(holdingKey(couponId, userId));
    const index = held?.findIndex(({ id }) => id === memberCouponId) ?? -1;
    const found = held?.[index];
    if (held && found) held[index] = { ...found, state };
  }

  private count(couponId: bigint, more: bigint): void {
    this.usedMore.set(couponId, (this.usedMore.get(couponId) ?? 0n) + more);
  }
}
