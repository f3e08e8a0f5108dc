import type { Database, Row, Statement } from "../platform/database/database.ts";
import { joinInserts } from "../platform/database/joined-inserts.ts";
import { KeyClaims } from "../platform/key-claims.ts";
import { Lane, type LaneObserver, type Outcome } from "../platform/lane.ts";
import { NotFound, Refusal } from "../platform/refusal.ts";
import type { Call } from "../platform/rpc/call.ts";
import { type Instant, now } from "../platform/time.ts";
import type { Order, Step } from "./domain/order.ts";
import { forgetRequest, isStillRequested } from "./domain/steps.ts";
import {
  insertOrders,
  ordersOf,
  selectItems,
  selectOrders,
  selectRequested,
  updateOrders,
  writeItems,
} from "./store/orders.ts";

/** What is to be written beside an order's step, in the same transaction. */
export type Beside = (order: Order, step: Step["kind"]) => readonly Statement[];

/** An order to be begun; one that the same request has begun before is taken instead, as long as that means it. */
interface Beginning {
  readonly begin: Order;
}

/** A step for an order that is there to take. */
interface Stepping {
  readonly id: bigint;
  /** Whose order it is to be; anybody's where undefined. */
  readonly ownerId?: bigint | undefined;
  /** What it is called where it is not there. */
  readonly noun?: "Order" | "Payment";
  /** Throws a Refusal where the order cannot take it. */
  readonly step: (order: Order, now: Instant) => Step;
  readonly beside?: Beside;
}

type Command = (Beginning | Stepping) & Pick<Call, "receipt">;

/** How many orders are written together. */
const limits = { batch: 128, waiting: 20_000 };

/**
 * Where orders change. Steps that are asked for at the same time are decided in turn and committed together; an order is
 * locked while its step is decided, so that of two replicas one comes second.
 */
export class OrderLane {
  private readonly database: Database;
  private readonly lane: Lane<Command, Order>;

  constructor(database: Database, observe?: LaneObserver) {
    this.database = database;
    this.lane = new Lane((commands, { forUpdate }) => this.commit(commands, forUpdate), { limits, observe, database });
  }

  /** Begins an order, or answers the one that the same request has begun. Claims the idempotency key of the call. */
  begin(order: Order, call?: Call): Promise<Order> {
    return this.lane.submit({ begin: order, receipt: call?.receipt }, call?.deadline);
  }

  /**
   * Has an order take a step; answers it as it is then. Rejects with what refuses it, or NotFound. A call is given with the
   * first step that is taken for it: that claims its idempotency key, and is waited for no longer than the call is.
   */
  take(stepping: Stepping, call?: Call): Promise<Order> {
    return this.lane.submit({ ...stepping, receipt: call?.receipt }, call?.deadline);
  }

  private commit(commands: readonly Command[], forUpdate: string): Promise<Outcome<Order>[]> {
    const requestIds = [...new Set(commands.flatMap((one) => ("begin" in one ? (one.begin.requestId ?? []) : [])))];
    // Those to be begun too: a commit of which nobody heard has begun them.
    const ids = [...new Set(commands.map((one) => ("begin" in one ? one.begin.id : one.id)))].sort((a, b) =>
      a < b ? -1 : 1,
    );
    const { dialect } = this.database;
    const load = [
      selectOrders(ids, forUpdate),
      selectItems(ids),
      ...(requestIds.length > 0 ? [selectRequested(requestIds, forUpdate)] : []),
      ...KeyClaims.load(
        commands.map(({ receipt }) => receipt),
        forUpdate,
      ),
    ];
    return this.database.batch(load, async (rows) => {
      const [stepped = [], items = [], ...rest] = rows;
      const requested: Row[] = requestIds.length > 0 ? (rest.shift() ?? []) : [];
      const keys = new KeyClaims(rest.shift() ?? []);
      const batch = new OrderBatch(ordersOf(stepped, items), ordersOf(requested, []), keys);
      const outcomes = commands.map((command) => batch.decide(command));
      return { save: batch.statements(dialect), result: outcomes };
    });
  }
}

/** The steps of one transaction, decided in turn: each sees what those before it did. */
class OrderBatch {
  private readonly orders: Map<bigint, Order>;
  private readonly requested: Map<string, Order>;
  private readonly begun: Order[] = [];
  private readonly changed = new Set<bigint>();
  private readonly itemsWritten = new Set<bigint>();
  private readonly beside: Statement[] = [];
  private readonly keys: KeyClaims;
  private readonly now = now();

  constructor(orders: readonly Order[], requested: readonly Order[], keys: KeyClaims) {
    this.keys = keys;
    this.orders = new Map([...requested, ...orders].map((order) => [order.id, order]));
    this.requested = new Map(requested.map((order) => [order.requestId ?? "", order]));
  }

  decide(command: Command): Outcome<Order> {
    try {
      const decide = () => ("begin" in command ? this.begin(command) : this.step(command));
      return { answer: this.keys.under(command.receipt, decide) };
    } catch (error) {
      if (error instanceof Refusal) return { refusal: error };
      throw error;
    }
  }

  statements(dialect: Database["dialect"]): Statement[] {
    const changed = [...this.changed].map((id) => this.known(id));
    const withItems = [...this.itemsWritten].map((id) => this.known(id));
    return [
      // First, so that a request that is forgotten can begin another.
      ...(changed.length > 0 ? [updateOrders(dialect, changed)] : []),
      ...(this.begun.length > 0 ? [insertOrders(this.begun)] : []),
      ...writeItems(dialect, withItems),
      ...this.keys.statements,
      ...joinInserts(this.beside),
    ];
  }

  private begin({ begin }: Beginning): Order {
    const { id, requestId } = begin;
    const begun = this.orders.get(id);
    if (begun) return begun;
    const requested = requestId === undefined ? undefined : this.requested.get(requestId);
    if (requested && isStillRequested(requested, this.now)) return requested;
    if (requested) this.write(forgetRequest(this.known(requested.id)));
    if (requestId !== undefined) this.requested.set(requestId, begin);
    this.begun.push(begin);
    return begin;
  }

  private step({ id, ownerId, noun = "Order", step, beside }: Stepping): Order {
    const order = this.orders.get(id);
    if (!order || (ownerId !== undefined && order.userId !== ownerId)) throw new NotFound(noun);
    const taken = step(order, this.now);
    const additions = beside?.(taken.order, taken.kind) ?? [];
    if (taken.kind === "taken") {
      this.write(taken.order);
      if (taken.order.items !== order.items) this.itemsWritten.add(id);
    }
    this.beside.push(...additions);
    return taken.order;
  }

  private write(order: Order): void {
    this.orders.set(order.id, order);
    this.changed.add(order.id);
  }

  private known(id: bigint): Order {
    const order = this.orders.get(id);
    if (!order) throw new Error(`Order ${id} is not in the batch`);
    return order;
  }
}
