import type { Statement } from "../platform/database/database.ts";
import { isFinalNo, Unavailable } from "../platform/refusal.ts";
import type { Call } from "../platform/rpc/call.ts";
import { effectIdOf, type Order } from "./domain/order.ts";
import { abandon, startCancelling, startExpiring, stepBackFromRefunding, undone } from "./domain/steps.ts";
import { isVoided, type Neighbours } from "./neighbours.ts";
import type { OrderEvents } from "./order-events.ts";
import type { OrderLane } from "./order-lane.ts";
import { OrderMoney } from "./order-money.ts";
import type { Paying } from "./paying.ts";

export interface UndoingParts {
  readonly lane: OrderLane;
  readonly events: OrderEvents;
  readonly neighbours: Neighbours;
  readonly paying: Paying;
}

/**
 * Gives back what an order has taken: money, stock and coupon. Each of these says of an id that it is never to be, and
 * saying so twice is the same, so anybody may drive it, and two at once.
 */
export class Undoing {
  private readonly parts: UndoingParts;
  private readonly money: OrderMoney;

  constructor(parts: UndoingParts) {
    this.parts = parts;
    this.money = new OrderMoney(parts.neighbours.ledger);
  }

  /** Cancels an order of a member, or anybody's where no owner is named. `settling` is written with its last step. */
  async cancel(
    id: bigint,
    ownerId: bigint | undefined,
    call: Call,
    settling: (order: Order) => readonly Statement[],
  ): Promise<Order> {
    const { lane, paying } = this.parts;
    for (;;) {
      const order = await lane.take(
        {
          id,
          isThere: ({ userId }) => ownerId === undefined || userId === ownerId,
          step: startCancelling,
          beside: (order) => (order.state === "cancelled" ? settling(order) : []),
        },
        call,
      );
      if (order.state === "cancelled") return order;
      // Whether its money is being moved just now is to be known first.
      if (order.state === "paying") await paying.settle(order, call);
      else return this.drive(order, call, settling);
    }
  }

  /** Ends an order that is being placed; leaves one that somebody else has placed meanwhile. Answers it as it is then. */
  async abandon(id: bigint, call: Call): Promise<Order> {
    const order = await this.parts.lane.take({ id, step: abandon });
    return this.drive(order, call);
  }

  /** Ends an order that nobody has paid in time. */
  async expire(id: bigint, call: Call): Promise<void> {
    const order = await this.parts.lane.take({ id, step: startExpiring });
    await this.drive(order, call);
  }

  /** Takes an order that is being undone to its end; leaves any other as it is. */
  async drive(order: Order, call: Call, settling?: (order: Order) => readonly Statement[]): Promise<Order> {
    switch (order.state) {
      case "refunding":
        await this.refund(order, call);
        break;
      case "abandoning":
      case "expiring":
        // It may have been on its way to be paid.
        if (order.attempt > 0n) await this.money.takeBack(order, call);
        break;
      case "cancelling":
        break;
      default:
        return order;
    }
    await this.giveBack(order, call);
    return this.end(order, call, settling);
  }

  private async refund(order: Order, call: Call): Promise<void> {
    if (order.total === 0n) return;
    try {
      await this.money.move(order, "refund", call);
    } catch (error) {
      if (!isFinalNo(error)) throw error;
      // Another driver may have moved it since: then it is refunded, whatever refused it here.
      if (await this.money.void(order, "refund", call)) return;
      const { id, attempt } = order;
      await this.parts.lane.take({ id, step: (present) => stepBackFromRefunding(present, attempt) });
      // Where somebody else has stepped back meanwhile, why is not known here.
      throw isVoided(error) ? new Unavailable() : error;
    }
  }

  private async giveBack(order: Order, call: Call): Promise<void> {
    const { stock, coupons } = this.parts.neighbours;
    const id = effectIdOf(order);
    await Promise.all([
      stock.releaseHold({ id }, call),
      order.couponId === undefined ? undefined : coupons.returnCoupon({ id }, call),
    ]);
  }

  private async end(
    { id, paidAt }: Order,
    call: Call,
    settling?: (order: Order) => readonly Statement[],
  ): Promise<Order> {
    const { lane, events } = this.parts;
    const order = await lane.take({
      id,
      step: undone,
      beside: (order, kind) => [
        ...(kind === "taken" && paidAt !== undefined ? events.cancelled(order, call) : []),
        ...(settling && order.state === "cancelled" ? settling(order) : []),
      ],
    });
    events.committed();
    return order;
  }
}
