import type { Database } from "../platform/database/database.ts";
import { Lane, type LaneObserver, type Outcome } from "../platform/lane.ts";
import type { CouponUse, LiveUse, UseCommand } from "./domain/coupon-use.ts";
import { couponUseOf, selectUses } from "./store/coupon-uses.ts";
import { couponOf, selectCoupons } from "./store/coupons.ts";
import { lockHeld, memberCouponOf } from "./store/member-coupons.ts";
import { UseBatch, type UseLaneCommand } from "./use-batch.ts";

/** Has orders use coupons, and gives them back: decided in turn, and committed together. */
export class CouponUses {
  private readonly database: Database;
  private readonly lane: Lane<UseLaneCommand, CouponUse>;

  constructor(database: Database, observe?: LaneObserver) {
    this.database = database;
    this.lane = new Lane((commands, { forUpdate }) => this.commit(commands, forUpdate), { observe, database });
  }

  /** Uses a member's coupon, or answers the use of that id. Rejects with what refuses it, having used nothing. */
  async use(command: UseCommand, deadline?: number): Promise<LiveUse> {
    const use = await this.lane.submit({ kind: "use", ...command }, deadline);
    if (use.status !== "used") throw new Error(`Coupon use ${use.id} was answered as ${use.status}`);
    return use;
  }

  /** Ends the use of an id, for good: whether there is one, was one, or would have come to be one. */
  async return(id: string, deadline?: number): Promise<void> {
    await this.lane.submit({ kind: "return", id }, deadline);
  }

  /**
   * Two round trips. Uses are locked before members' coupons, these before coupons, each in one order. A use that two
   * processes know by one id for the first time is in no row to lock: so uses are looked at again once the members'
   * coupons are locked, and the primary key tells what is left.
   */
  private commit(commands: readonly UseLaneCommand[], forUpdate: string): Promise<Outcome<CouponUse>[]> {
    const ids = [...new Set(commands.map(({ id }) => id))];
    const wanted = commands.filter((command) => command.kind === "use");
    const locked = selectUses(ids, forUpdate);
    const load =
      wanted.length === 0
        ? [locked]
        : [
            locked,
            lockHeld(wanted, forUpdate),
            selectCoupons([...new Set(wanted.map(({ couponId }) => couponId))], ""),
            locked,
          ];
    return this.database.batch(load, async (rows) => {
      const [, held = [], coupons = []] = rows;
      const batch = new UseBatch({
        uses: (rows.at(-1) ?? []).map(couponUseOf),
        held: held.map(memberCouponOf),
        coupons: coupons.map(couponOf),
      });
      const result = commands.map((command) => batch.decide(command));
      return { save: batch.statements, result };
    });
  }
}
