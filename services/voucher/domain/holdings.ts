/** Tells how many of a coupon a member has. */
export interface Held {
  get(couponId: bigint, userId: bigint): bigint | undefined;
}

/**
 * How many of each coupon each member has. Those of one coupon lie together, since it is one that all come for; and ids,
 * which are below 2^53, are found several times as fast by as numbers.
 */
export class Holdings implements Held {
  private readonly byCoupon = new Map<number, Map<number, bigint>>();
  private count = 0;

  /** Of how many coupons and members it is known. */
  get size(): number {
    return this.count;
  }

  get(couponId: bigint, userId: bigint): bigint | undefined {
    return this.byCoupon.get(Number(couponId))?.get(Number(userId));
  }

  set(couponId: bigint, userId: bigint, held: bigint): void {
    const members = this.membersOf(Number(couponId));
    const before = members.size;
    members.set(Number(userId), held);
    this.count += members.size - before;
  }

  private membersOf(couponId: number): Map<number, bigint> {
    const known = this.byCoupon.get(couponId);
    if (known) return known;
    const members = new Map<number, bigint>();
    this.byCoupon.set(couponId, members);
    return members;
  }
}
