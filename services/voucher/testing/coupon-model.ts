/** One thing that somebody asks of coupons. */
export type Ask =
  | { readonly kind: "claim"; readonly coupon: number; readonly user: number }
  | { readonly kind: "use"; readonly id: number; readonly coupon: number; readonly user: number }
  | { readonly kind: "return"; readonly id: number };

/** A coupon of the model: how many there are, and how many one member may have. */
export interface ModelCoupon {
  readonly total: number;
  readonly perUser: number;
}

/**
 * Coupons in a few lines, one thing after the other: what a claim, a use or a return comes to. The answer is a word
 * or the reason of a refusal; that of a use, which of the member's coupons was taken.
 */
export class CouponModel {
  private readonly coupons: readonly ModelCoupon[];
  /** By coupon and member: the use of each, in the order they were claimed; undefined where there is none. */
  private readonly held = new Map<string, (number | undefined)[]>();
  private readonly uses = new Map<number, { key: string; place: number } | "returned">();

  constructor(coupons: readonly ModelCoupon[]) {
    this.coupons = coupons;
  }

  answer(ask: Ask): string {
    switch (ask.kind) {
      case "claim":
        return this.claim(ask.coupon, `${ask.coupon} ${ask.user}`);
      case "use":
        return this.use(ask.id, `${ask.coupon} ${ask.user}`);
      case "return":
        return this.return(ask.id);
      default:
        throw ask satisfies never;
    }
  }

  issued(coupon: number): number {
    return this.ofCoupon(coupon).length;
  }

  used(coupon: number): number {
    return this.ofCoupon(coupon).filter((use) => use !== undefined).length;
  }

  private claim(coupon: number, key: string): string {
    const { total, perUser } = this.coupons[coupon] ?? { total: 0, perUser: 0 };
    const mine = this.held.get(key) ?? [];
    if (mine.length >= perUser) return "COUPON_ALREADY_ISSUED";
    if (this.issued(coupon) >= total) return "COUPON_SOLD_OUT";
    this.held.set(key, [...mine, undefined]);
    return "issued";
  }

  private use(id: number, key: string): string {
    const use = this.uses.get(id);
    if (use) return use !== "returned" && use.key === key ? `took ${use.place + 1}` : "COUPON_USE_ENDED";
    const mine = this.held.get(key);
    if (!mine) return "COUPON_NOT_FOUND";
    const place = mine.indexOf(undefined);
    if (place < 0) return "COUPON_ALREADY_USED";
    mine[place] = id;
    this.uses.set(id, { key, place });
    return `took ${place + 1}`;
  }

  private return(id: number): string {
    const use = this.uses.get(id);
    this.uses.set(id, "returned");
    const mine = use && use !== "returned" ? this.held.get(use.key) : undefined;
    if (mine && use && use !== "returned") mine[use.place] = undefined;
    return "returned";
  }

  private ofCoupon(coupon: number): (number | undefined)[] {
    return [...this.held].filter(([key]) => key.startsWith(`${coupon} `)).flatMap(([, mine]) => mine);
  }
}
