import type { Transfer } from "../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import type { Statement } from "../platform/database/database.ts";
import { isFinalNo, Unavailable } from "../platform/refusal.ts";
import type { Call } from "../platform/rpc/call.ts";
import { PaymentNotPayable } from "./domain/errors.ts";
import { effectIdOf, isPaid, type Order } from "./domain/order.ts";
import { outOfStock, paid, startPaying, stepBackFromPaying } from "./domain/steps.ts";
import { isVoided, type Neighbours } from "./neighbours.ts";
import type { OrderEvents } from "./order-events.ts";
import type { OrderLane } from "./order-lane.ts";
import { OrderMoney } from "./order-money.ts";

/** How often a payment is taken up again where somebody else has stepped back from it meanwhile. */
const mostRounds = 5;

/**
 * Moves an order's money. Whether an attempt has moved it is known by its transfer's id alone: before anybody steps back,
 * the ledger is told that this transfer never will be made, and where it has been made, there is no way back.
 */
export class Paying {
  private readonly lane: OrderLane;
  private readonly events: OrderEvents;
  private readonly neighbours: Neighbours;
  private readonly money: OrderMoney;

  constructor(lane: OrderLane, events: OrderEvents, neighbours: Neighbours) {
    this.lane = lane;
    this.events = events;
    this.neighbours = neighbours;
    this.money = new OrderMoney(neighbours.ledger);
  }

  /** Pays an order of a member; one that is paid already is answered. `settling` is written with its last step. */
  async pay(id: bigint, ownerId: bigint, call: Call, settling: (order: Order) => readonly Statement[]): Promise<Order> {
    const settlingPaid = (order: Order) => (isPaid(order) ? settling(order) : []);
    for (let round = 1; round <= mostRounds; round++) {
      const order = await this.lane.take(
        {
          id,
          isThere: ({ userId }) => userId === ownerId,
          noun: "Payment",
          step: startPaying,
          beside: settlingPaid,
        },
        call,
      );
      const driven = order.state === "paying" ? await this.drive(order, call, settlingPaid) : order;
      // One that was paid may have been cancelled since: that is looked at again.
      if (isPaid(driven)) return driven;
    }
    throw new Unavailable("The payment is being made by another request, try again");
  }

  /** Takes an attempt to its end. Rejects with what refuses it, once it has been stepped back from. */
  async drive(order: Order, call: Call, settling?: (order: Order) => readonly Statement[]): Promise<Order> {
    let transfer: Transfer | undefined;
    try {
      transfer = order.total === 0n ? undefined : await this.money.move(order, "pay", call);
    } catch (error) {
      if (!isFinalNo(error)) throw error;
      transfer = await this.money.void(order, "pay", call);
      if (!transfer) return this.stepBack(order, error, settling);
    }
    return this.finish(order, transfer, call, settling);
  }

  /**
   * Finds out what became of an attempt whose driver is gone, or was overtaken: it ends as paid, or as if never begun, or as
   * expired where its stock is gone, which is no answer to whoever asks for something else.
   */
  async settle(order: Order, call: Call): Promise<void> {
    const transfer = order.total === 0n ? undefined : await this.money.void(order, "pay", call);
    if (order.total > 0n && !transfer) {
      await this.stepBack(order);
      return;
    }
    try {
      await this.finish(order, transfer, call);
    } catch (error) {
      if (!isFinalNo(error)) throw error;
    }
  }

  /** The money has been moved. */
  private async finish(
    order: Order,
    transfer: Transfer | undefined,
    call: Call,
    settling?: (order: Order) => readonly Statement[],
  ): Promise<Order> {
    const { id, attempt } = order;
    try {
      await this.neighbours.stock.commitHold({ id: effectIdOf(order) }, call);
      await this.moveTheRest(order, call);
    } catch (error) {
      if (!isFinalNo(error)) throw error;
      // Another driver may have found it in stock: what it has paid out is paid.
      if (await this.voidTheRest(order, call)) throw new Unavailable();
      return this.giveUp(order, error, settling);
    }
    const balanceAfter = transfer?.debitWallet?.balance?.minorUnits ?? (await this.money.balance(order, call));
    const paidOrder = await this.lane.take({
      id,
      step: (present, now) => paid(present, attempt, balanceAfter, now),
      beside: (present, kind) => [
        ...(kind === "taken" ? this.events.paid(present, call) : []),
        ...(settling && present.paidAt !== undefined ? settling(present) : []),
      ],
    });
    this.events.committed();
    return paidOrder;
  }

  /** Ends an attempt whose stock is gone: throws why, unless another driver has come to another end. */
  private async giveUp({ id, attempt }: Order, error: Error, settling?: (order: Order) => readonly Statement[]) {
    const order = await this.lane.take({
      id,
      step: (present, now) => outOfStock(present, attempt, now),
      beside: (present) => (settling && present.paidAt !== undefined ? settling(present) : []),
    });
    switch (order.state) {
      case "abandoning":
      case "failed":
        throw error;
      case "expiring":
      case "expired":
        throw new PaymentNotPayable("expired");
      default:
        return order;
    }
  }

  /** What a gift card is worth beyond the order goes to the buyer: the last thing to be done, since it may be spent at once. */
  private async moveTheRest(order: Order, call: Call): Promise<void> {
    if (!hasRest(order)) return;
    try {
      await this.money.move(order, "rest", call);
    } catch (error) {
      // Another driver may have moved it: who steps back is to know that nobody has, or will.
      if (!isFinalNo(error) || !(await this.voidTheRest(order, call))) throw error;
    }
  }

  /** Has the rest moved never; answers it where it was moved before. */
  private async voidTheRest(order: Order, call: Call): Promise<Transfer | undefined> {
    return hasRest(order) ? this.money.void(order, "rest", call) : undefined;
  }

  private async stepBack({ id, attempt }: Order, refusal?: Error, settling?: (order: Order) => readonly Statement[]) {
    const order = await this.lane.take({
      id,
      step: (present, now) => stepBackFromPaying(present, attempt, now),
      beside: (present) => (settling && present.paidAt !== undefined ? settling(present) : []),
    });
    // Somebody else may have voided this attempt, or made another: what has become of the order is looked at again.
    if (refusal && !isVoided(refusal) && order.attempt === attempt) throw refusal;
    return order;
  }
}

function hasRest({ payer, total }: Order): boolean {
  return payer.method === "gift_card" && payer.cardAmount > total;
}
