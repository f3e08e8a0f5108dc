import type { Quote as CatalogQuote } from "../../gen/giftmesh/catalog/v1/stock_service_pb.ts";
import type { Statement } from "../platform/database/database.ts";
import type { IdSequence } from "../platform/ids.ts";
import { isFinalNo, Unavailable } from "../platform/refusal.ts";
import type { Call } from "../platform/rpc/call.ts";
import { now, toTimestamp } from "../platform/time.ts";
import { OrderRefusedBefore } from "./domain/errors.ts";
import { effectIdOf, isPaidAtOnce, isUnplaced, type Order, type Payer } from "./domain/order.ts";
import { allocate, amountOf, type Line, type PricedLine, price, type Quote, sum } from "./domain/pricing.ts";
import { asItIs, begin, placed } from "./domain/steps.ts";
import { isEnded, type Neighbours } from "./neighbours.ts";
import type { OrderLane } from "./order-lane.ts";
import type { Paying } from "./paying.ts";
import type { Undoing } from "./undoing.ts";

/** How much longer stock is held than an order can be paid, in microseconds: payment, who knows what was paid, is first. */
const holdGrace = 60_000_000n;

/** What somebody wants to order. */
export interface Wish {
  readonly userId: bigint;
  /** Of one product each. */
  readonly lines: readonly Line[];
  readonly payer: Payer;
  readonly couponId?: bigint | undefined;
  /** What asks for it: asking again finds the same order. Undefined where nothing can ask again. */
  readonly requestId: string | undefined;
  /** What was agreed on before, where today's prices do not count. */
  readonly agreed?: { readonly unitPrice: bigint; readonly currency: string; readonly offerId: bigint | undefined };
  /** What is written when it is placed, whoever comes to pay it. */
  readonly beside?: readonly Statement[];
}

/** What is written with the last step of a request: its answer. */
type Settling = (order: Order) => readonly Statement[];

export interface PlacingParts {
  readonly lane: OrderLane;
  readonly ids: IdSequence;
  readonly neighbours: Neighbours;
  readonly paying: Paying;
  readonly undoing: Undoing;
  /** Milliseconds. */
  readonly expireAfterMs: number;
}

/** Places orders: stock and coupon are another service's each, so that an order is begun first, and ended if they say no. */
export class Placing {
  private readonly parts: PlacingParts;

  constructor(parts: PlacingParts) {
    this.parts = parts;
  }

  /**
   * Places an order, or answers the one that was asked for before. Rejects with what refuses it, once nothing of it is
   * left. `settling` is written with its last step.
   */
  async place(wish: Wish, call: Call, settling: Settling): Promise<Order> {
    const { lane, ids, undoing, expireAfterMs } = this.parts;
    const { userId, payer, couponId, requestId } = wish;
    const wanted = { id: await ids.take(), requestId, userId, payer, couponId, expireAfterMs };
    const begun = await lane.begin(begin(wanted, now()), call);
    switch (begun.state) {
      case "placing":
        return this.orUndone(begun, call, () => this.drive(begun, wish, call, settling));
      case "abandoning":
        await undoing.drive(begun, call);
        throw new Unavailable();
      case "failed":
        throw new OrderRefusedBefore();
      default:
        if (isBeingPaid(begun)) return this.orUndone(begun, call, () => this.pay(begun, call, settling));
        // Whoever saw to it meanwhile had nobody to answer.
        return lane.take({ id: begun.id, step: asItIs, beside: settling });
    }
  }

  /** What refuses an order ends it. Where somebody else has placed it all the same, it is not refused. */
  private async orUndone(begun: Order, call: Call, work: () => Promise<Order>): Promise<Order> {
    try {
      return await work();
    } catch (error) {
      if (!isFinalNo(error)) throw error;
      const { state } = await this.parts.undoing.abandon(begun.id, call);
      throw isEnded(error) || state !== "failed" ? new Unavailable() : error;
    }
  }

  private async drive(begun: Order, wish: Wish, call: Call, settling: Settling): Promise<Order> {
    const found = await this.find(begun, wish, call);
    const order = await this.parts.lane.take({
      id: begun.id,
      step: (order, now) => placed(order, found, now),
      beside: (order, kind) => [
        ...(kind === "taken" ? (wish.beside ?? []) : []),
        ...(isBeingPaid(order) || isUnplaced(order) ? [] : settling(order)),
      ],
    });
    // Whoever saw to it meanwhile took this process for dead.
    if (isUnplaced(order)) throw new Unavailable();
    return isBeingPaid(order) ? this.pay(order, call, settling) : order;
  }

  /** Pays an order that is paid as soon as it is placed. */
  private async pay(order: Order, call: Call, settling: Settling): Promise<Order> {
    const driven = await this.parts.paying.drive(order, call, settling);
    if (driven.paidAt === undefined) throw new Unavailable();
    return driven;
  }

  /** Takes what it needs: stock and coupon. Answers what it comes to. */
  private async find(begun: Order, wish: Wish, call: Call) {
    const lines = price(wish.lines, await this.hold(begun, wish, call));
    const amounts = lines.map(amountOf);
    const discount = await this.useCoupon(begun, lines, call);
    const parts = allocate(discount, amounts);
    return {
      items: lines.map((line, index) => ({ ...line, discount: parts[index] ?? 0n, completedAt: undefined })),
      currency: lines[0]?.currency ?? "",
      discount,
      total: sum(amounts) - discount,
    };
  }

  private async hold(order: Order, { lines, agreed }: Wish, call: Call): Promise<Quote[]> {
    const expiresAt = toTimestamp(order.expiresAt + holdGrace);
    const { quotes } = await this.parts.neighbours.stock.holdStock(
      { id: effectIdOf(order), lines: [...lines], expiresAt },
      call,
    );
    return quotes.map((quote) => ({ ...quoteOf(quote), ...agreed }));
  }

  private async useCoupon({ id, userId, couponId }: Order, lines: readonly PricedLine[], call: Call): Promise<bigint> {
    if (couponId === undefined) return 0n;
    const { discount } = await this.parts.neighbours.coupons.useCoupon(
      {
        id: effectIdOf({ id }),
        userId,
        couponId,
        orderId: id,
        orderAmount: { currencyCode: lines[0]?.currency ?? "", minorUnits: sum(lines.map(amountOf)) },
      },
      call,
    );
    return discount?.minorUnits ?? 0n;
  }
}

/** Whether its placing is not over before it is paid. */
function isBeingPaid(order: Order): boolean {
  return order.state === "paying" && isPaidAtOnce(order);
}

function quoteOf({ productId, vendorId, name, unitPrice, offerId }: CatalogQuote): Quote {
  return {
    productId,
    vendorId,
    name,
    unitPrice: unitPrice?.minorUnits ?? 0n,
    currency: unitPrice?.currencyCode ?? "",
    offerId,
  };
}
