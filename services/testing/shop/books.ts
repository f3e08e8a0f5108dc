import { setTimeout as sleep } from "node:timers/promises";
import type { House } from "./house.ts";
import { listAll, type Member, minorUnits, type ShownOrder } from "./members.ts";

/** All that there is to be held against each other once every order is at rest. */
interface Books {
  readonly house: House;
  readonly members: readonly Member[];
  /** By id. */
  readonly orders: ReadonlyMap<number, ShownOrder & { readonly member: Member }>;
}

interface ShownTransaction {
  readonly type: string;
  readonly direction: "credit" | "debit";
  readonly amount: string;
  readonly reference: string;
}

interface ShownStock {
  readonly id: number;
  readonly stock: number;
  readonly held: number;
  readonly sold: number;
}

interface ShownCoupon {
  readonly id: number;
  readonly issued_quantity: number;
  readonly used_quantity: number;
}

interface ShownMemberCoupon {
  readonly coupon_id: number;
  readonly status: string;
  readonly order_id?: number | null;
}

/** What became of orders for good, as long as nobody does anything about them. */
const atRest: ReadonlySet<string> = new Set(["completed", "cancelled", "expired"]);

/**
 * Waits until a shop's books are in order, and every order is at rest; answers what is still wrong when the time is up:
 * none, where they are.
 */
export function faultsIn(house: House, members: readonly Member[], withinMs = 15_000): Promise<string[]> {
  return lastOf(() => findFaults(house, members), withinMs);
}

/** Looks again and again until nothing is wrong; answers what is still wrong when the time is up. */
export async function lastOf(look: () => Promise<string[]>, withinMs: number): Promise<string[]> {
  const giveUpAt = Date.now() + withinMs;
  for (let pauseMs = 50; ; pauseMs = Math.min(1_000, pauseMs * 2)) {
    const faults = await look();
    if (faults.length === 0 || Date.now() > giveUpAt) return faults;
    await sleep(pauseMs);
  }
}

async function findFaults(house: House, members: readonly Member[]): Promise<string[]> {
  const lists = await Promise.all(
    members.map(async (member) =>
      (await listAll<ShownOrder>(member.client, "/orders")).map((order) => ({ ...order, member })),
    ),
  );
  const books = { house, members, orders: new Map(lists.flat().map((order) => [order.id, order])) };
  const restless = [...books.orders.values()].filter(({ status }) => !atRest.has(status));
  // As long as something is under way nothing else needs to add up.
  if (restless.length > 0) return restless.map(({ id, status }) => `order ${id} is ${status} still`);
  const found = await Promise.all([stockFaults(books), moneyFaults(books), couponFaults(books), auditFaults(house)]);
  return found.flat();
}

/** Free, held and sold add up to what was put in; nothing is held, and what is sold is what completed orders have. */
async function stockFaults({ house, orders }: Books): Promise<string[]> {
  const sold = unitsSold(orders.values());
  const products = await listAll<ShownStock>(house.admin, "/admin-api/products");
  return products.flatMap((product) => {
    const putIn = house.putIn.get(product.id);
    if (putIn === undefined) return [];
    const expected = { stock: putIn - (sold.get(product.id) ?? 0), held: 0, sold: sold.get(product.id) ?? 0 };
    const { stock, held, sold: said } = product;
    const isRight = stock === expected.stock && held === 0 && said === expected.sold;
    const actual = { stock, held, sold: said };
    return isRight ? [] : [`product ${product.id} is ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`];
  });
}

/** Of each product the units that completed orders have. */
export function unitsSold(orders: Iterable<ShownOrder>): Map<number, number> {
  const sold = new Map<number, number>();
  for (const { status, items } of orders) {
    if (status !== "completed") continue;
    for (const { product_id, quantity } of items) sold.set(product_id, (sold.get(product_id) ?? 0) + quantity);
  }
  return sold;
}

/** Every member has what was charged less what completed orders cost, each of which was debited once. */
async function moneyFaults({ members, orders }: Books): Promise<string[]> {
  const found = await Promise.all(
    members.map(async (member) => {
      const { body } = await member.client.get("/members/me/points");
      const own = [...orders.values()].filter(({ member: { id } }) => id === member.id);
      const spent = own.reduce((sum, order) => sum + costOf(order), 0n);
      const balance = minorUnits(String(body.data?.balance));
      const transactions = await listAll<ShownTransaction>(member.client, "/members/me/points/transactions");
      return [
        ...(balance === member.charged - spent
          ? []
          : [`member ${member.id} has ${balance}, not ${member.charged - spent}`]),
        ...postingFaults(own, transactions),
      ];
    }),
  );
  return found.flat();
}

/** What an order has cost its member for good, in minor units. */
function costOf({ status, total_amount }: ShownOrder): bigint {
  return status === "completed" ? minorUnits(total_amount) : 0n;
}

/** Of each order: one debit at most, and what is left of it after refunds is what the order costs. */
function postingFaults(orders: readonly ShownOrder[], transactions: readonly ShownTransaction[]): string[] {
  const expected = new Map(orders.map((order) => [`order-${order.id}`, costOf(order)]));
  const postings = Map.groupBy(
    transactions.filter(({ reference }) => reference.startsWith("order-")),
    ({ reference }) => reference,
  );
  return [...new Set([...expected.keys(), ...postings.keys()])].flatMap((reference) => {
    const own = postings.get(reference) ?? [];
    const debits = own.filter(({ direction }) => direction === "debit");
    const net = own.reduce(
      (sum, { direction, amount }) => sum + minorUnits(amount) * (direction === "debit" ? 1n : -1n),
      0n,
    );
    const due = expected.get(reference) ?? 0n;
    return [
      ...(debits.length > 1 ? [`${reference} was debited ${debits.length} times`] : []),
      ...(net === due ? [] : [`${reference} has cost ${net}, not ${due}`]),
    ];
  });
}

/** A coupon is on the completed order that has it, and on no other; the house counts as many. */
async function couponFaults({ house, members, orders }: Books): Promise<string[]> {
  const faults: string[] = [];
  const issued = new Map<number, number>();
  const users = new Map<number, number[]>();
  await Promise.all(
    members.map(async ({ client }) => {
      for (const coupon of await listAll<ShownMemberCoupon>(client, "/members/me/coupons")) {
        issued.set(coupon.coupon_id, (issued.get(coupon.coupon_id) ?? 0) + 1);
        if (coupon.status !== "used") continue;
        const order = orders.get(Number(coupon.order_id));
        if (order?.status !== "completed" || order.coupon_id !== coupon.coupon_id) {
          faults.push(`a coupon ${coupon.coupon_id} is on order ${coupon.order_id}, which is ${order?.status}`);
        }
        users.set(coupon.coupon_id, [...(users.get(coupon.coupon_id) ?? []), Number(coupon.order_id)]);
      }
    }),
  );
  const counted = await listAll<ShownCoupon>(house.admin, "/admin-api/coupons");
  for (const { id, issued_quantity, used_quantity } of counted.filter((one) => house.couponIds.has(one.id))) {
    const having = [...orders.values()].filter((one) => one.status === "completed" && one.coupon_id === id);
    const expected = having.map((order) => order.id).sort((a, b) => a - b);
    const used = (users.get(id) ?? []).sort((a, b) => a - b);
    if (expected.join() !== used.join()) faults.push(`coupon ${id} is on orders ${used}, not on ${expected}`);
    const isCounted = issued_quantity === (issued.get(id) ?? 0) && used_quantity === used.length;
    const counts = `${issued_quantity} issued and ${used_quantity} used, not ${issued.get(id)} and ${used.length}`;
    if (!isCounted) faults.push(`coupon ${id} counts ${counts}`);
  }
  return faults;
}

async function auditFaults({ admin }: House): Promise<string[]> {
  const { body } = await admin.get("/admin-api/ledger/audit");
  return body.data?.balanced === true ? [] : [`the ledger is not balanced: ${JSON.stringify(body.data)}`];
}
