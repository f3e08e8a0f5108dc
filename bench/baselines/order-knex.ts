import type { FastifyRequest } from "fastify";
import type { Knex } from "knex";
import { answer, callerId, createFront, idOf, now, Refused, requireAdmin, serveFront } from "./front.ts";
import { openDatabase } from "./knex-database.ts";
import { type ItemRow, type OrderRow, shownAmount, shownOrder, shownPayment } from "./order-shapes.ts";
import { createShopTables } from "./order-tables.ts";
import { settings } from "./settings.ts";
import { inSteps, type Step } from "./steps.ts";

/**
 * Orders and payments as one would write them plainly with knex: one process, one database, and a transaction a call
 * that locks what it changes FOR UPDATE: the stock and the order's own rows to place it; the order, the wallet and the
 * stock to pay it, with the two entries of its transfer and the event of it in an outbox.
 *
 * It keeps what the contract says of orders from the balance: prices and offers of that instant, stock held for 15
 * minutes, nothing sold twice, no wallet below zero, paying a paid one answers the same. It has no coupons, and nothing
 * of what is done with orders afterwards: nobody frees the stock of those that expire, nobody sends the outbox's events,
 * nobody counts what sells best. All of that is in its favour.
 *
 * Stepwise, it takes the same steps as services that have a database each: an order is begun, its stock held, and it is
 * placed; its paying is begun, the money moved, the stock sold, and it is paid; each in a transaction of its own, and no
 * call between them. Nobody goes on with what a crash leaves, which is in its favour too.
 */
const knex = await openDatabase(settings.store, settings.database);
await createShopTables(knex);
const salesAccountId = await openAccount(0);

const heldFor = 15 * 60 * 1_000_000;
const currency = "SAR";

const app = await createFront();

app.post("/admin-api/vendors", async (request, reply) => {
  requireAdmin(request);
  const { name } = request.body as { name: string };
  const [id] = await knex("vendors").insert({ name });
  return answer(reply, 201, "Vendor created successfully", { id });
});

app.post("/admin-api/products", async (request, reply) => {
  requireAdmin(request);
  const { vendor_id, name, price, stock } = request.body as Record<string, string | number>;
  const units = { free: stock, held: 0, sold: 0 };
  const [id] = await knex("products").insert({
    vendor_id,
    name,
    price: minorUnits(price),
    currency,
    active: true,
    ...units,
  });
  return answer(reply, 201, "Product created successfully", { id });
});

app.post("/members/me/points/charge", async (request, reply) => {
  const { amount } = request.body as { amount: string };
  const id = await openAccount(callerId(request));
  await knex("accounts").where({ id }).increment("balance", minorUnits(amount));
  return answer(reply, 200, "Points charged successfully", { wallet_id: id });
});

app.post("/order/:userId", async (request, reply) => {
  const userId = ownId(request);
  const wanted = readItems(request.body);
  const { order, items } = await inSteps(knex, (step) => placeOrder(step, userId, wanted));
  const data = { order: shownOrder(order, items), payment: shownPayment(order) };
  return answer(reply, 201, "Order placed successfully", data);
});

app.post<{ Params: { paymentId: string } }>("/payment/:paymentId", async (request, reply) => {
  const id = idOf(request.params.paymentId, "payment id");
  const { order, items } = await inSteps(knex, (step) => payOrder(step, id, callerId(request)));
  const data = {
    payment: shownPayment(order),
    order: shownOrder(order, items),
    balance: shownAmount(order.balance_after ?? 0),
  };
  return answer(reply, 200, "Payment completed successfully", data);
});

await serveFront(app);

async function placeOrder(step: Step, userId: number, wanted: ReadonlyMap<number, number>) {
  const createdAt = now();
  const begun = settings.stepwise ? await step((trx) => beginOrder(trx, userId, createdAt)) : undefined;
  const items = await step((trx) => holdStock(trx, wanted, createdAt));
  return step(async (trx) => {
    const placed = {
      ...begunAt(userId, createdAt),
      status: "awaiting_payment",
      total: items.reduce((total, item) => total + item.unit_price * item.quantity, 0),
    };
    const [id = 0] = begun === undefined ? await trx("orders").insert(placed) : [begun];
    if (begun !== undefined) await trx("orders").where({ id }).update(placed);
    await trx("order_items").insert(items.map((item) => ({ order_id: id, ...item })));
    await trx("cart_items")
      .where({ user_id: userId })
      .whereIn("product_id", [...wanted.keys()])
      .delete();
    return { order: { id, ...placed } satisfies OrderRow, items };
  });
}

/** What stepwise placing leaves behind where it dies: an order that nobody sees yet. Answers its id. */
async function beginOrder(trx: Knex.Transaction, userId: number, createdAt: number): Promise<number> {
  const [id = 0] = await trx("orders").insert({ ...begunAt(userId, createdAt), status: "placing", total: 0 });
  return id;
}

function begunAt(userId: number, createdAt: number) {
  const unpaid = { paid_at: null, balance_after: null };
  return { user_id: userId, currency, created_at: createdAt, expires_at: createdAt + heldFor, ...unpaid };
}

async function holdStock(trx: Knex.Transaction, wanted: ReadonlyMap<number, number>, at: number): Promise<ItemRow[]> {
  const productIds = [...wanted.keys()].sort((a, b) => a - b);
  const products = await trx("products").whereIn("id", productIds).orderBy("id").forUpdate();
  const offers = await trx("offers")
    .whereIn("product_id", productIds)
    .where("starts_at", "<=", at)
    .where((ends) => ends.whereNull("ends_at").orWhere("ends_at", ">=", at))
    .orderBy("price");

  const items: ItemRow[] = [];
  for (const [productId, quantity] of wanted) {
    const product = products.find(({ id }) => id === productId);
    if (!product?.active) throw new Refused(404, "PRODUCT_NOT_FOUND", "Product not found");
    if (product.free < quantity) throw new Refused(400, "OUT_OF_STOCK", "There is too little in stock");
    const lowest = offers.find((offer) => offer.product_id === productId && offer.price < product.price);
    items.push({
      position: items.length + 1,
      product_id: productId,
      vendor_id: product.vendor_id,
      name: product.name,
      quantity,
      unit_price: lowest?.price ?? product.price,
      offer_id: lowest?.id ?? null,
    });
  }

  for (const { product_id: id, quantity } of items) {
    await trx("products").where({ id }).decrement("free", quantity).increment("held", quantity);
  }
  return items;
}

async function payOrder(step: Step, id: number, userId: number) {
  const paidAt = now();
  const { order, items } = await step((trx) => startPaying(trx, { id, userId, at: paidAt }));
  if (order.status === "completed") return { order, items };
  const balanceAfter = await step((trx) => debit(trx, order, paidAt));
  await step((trx) => sellStock(trx, items));
  return step(async (trx) => {
    const change = { status: "completed", paid_at: paidAt, balance_after: balanceAfter };
    await trx("orders").where({ id }).update(change);
    const paid = { ...order, ...change };
    const payload = JSON.stringify({ type: "order.paid", data: shownOrder(paid, items) });
    await trx("outbox").insert({ subject: "order.paid", payload, sent_at: 0 });
    return { order: paid, items };
  });
}

/** Finds an order that can be paid, or is paid, and locks it; stepwise, until it is paid. */
async function startPaying(trx: Knex.Transaction, { id, userId, at }: { id: number; userId: number; at: number }) {
  const order: OrderRow | undefined = await trx("orders").where({ id, user_id: userId }).forUpdate().first();
  if (!order || order.status === "placing") throw new Refused(404, "PAYMENT_NOT_FOUND", "Payment not found");
  const items: ItemRow[] = await trx("order_items").where({ order_id: id }).orderBy("position");
  if (order.status === "completed") return { order, items };
  if (order.status !== "awaiting_payment" || at >= order.expires_at) {
    throw new Refused(400, "PAYMENT_NOT_PAYABLE", "This payment cannot be made any more");
  }
  if (settings.stepwise) await trx("orders").where({ id }).update({ status: "paying" });
  return { order, items };
}

/** Moves an order's price to the house; answers what is left in the wallet. */
async function debit(trx: Knex.Transaction, { id, user_id, total }: OrderRow, at: number): Promise<number> {
  const wallet = await trx("accounts").where({ user_id }).forUpdate().first();
  if (!wallet || wallet.balance < total) {
    if (settings.stepwise) await knex("orders").where({ id }).update({ status: "awaiting_payment" });
    throw new Refused(400, "INSUFFICIENT_BALANCE", "The balance is not sufficient");
  }
  const balanceAfter = wallet.balance - total;
  const sequence = wallet.sequence + 1;
  await trx("accounts").where({ id: wallet.id }).update({ balance: balanceAfter, sequence });
  const [number = 0] = await trx("transfers").insert({
    id: `order-${id}`,
    debit_account_id: wallet.id,
    credit_account_id: salesAccountId,
    amount: total,
    type: "payment",
    reference: `order-${id}`,
    created_at: at,
  });
  // The house's account has no running balance, which would be the one row that every payment waits for.
  await trx("entries").insert([
    { account_id: wallet.id, sequence, transfer_number: number, amount: -total, balance_after: balanceAfter },
    { account_id: salesAccountId, sequence: number, transfer_number: number, amount: total, balance_after: null },
  ]);
  return balanceAfter;
}

async function sellStock(trx: Knex.Transaction, items: readonly ItemRow[]): Promise<void> {
  for (const { product_id, quantity } of items.toSorted((a, b) => a.product_id - b.product_id)) {
    await trx("products").where({ id: product_id }).decrement("held", quantity).increment("sold", quantity);
  }
}

/** Units by product; several lines of one product are added up. */
function readItems(body: unknown): Map<number, number> {
  const { items } = (body ?? {}) as { items?: readonly { product_id?: number; quantity?: number }[] };
  if (!Array.isArray(items) || items.length < 1 || items.length > 100) {
    throw new Refused(422, "VALIDATION_ERROR", "The items are invalid");
  }
  const wanted = new Map<number, number>();
  for (const { product_id, quantity } of items) {
    const units = idOf(quantity, "quantity");
    if (units > 1_000) throw new Refused(422, "VALIDATION_ERROR", "The quantity is invalid");
    const productId = idOf(product_id, "product id");
    wanted.set(productId, (wanted.get(productId) ?? 0) + units);
  }
  return wanted;
}

/** The member in the path, who is to be the caller. */
function ownId(request: FastifyRequest): number {
  const { userId } = request.params as { userId: string };
  const id = callerId(request);
  if (userId !== "me" && Number(userId) !== id) throw new Refused(404, "USER_NOT_FOUND", "User not found");
  return id;
}

/** The id of a user's wallet, opened at need. */
async function openAccount(userId: number): Promise<number> {
  await knex("accounts").insert({ user_id: userId, currency: "SAR", balance: 0, sequence: 0 }).onConflict().ignore();
  const { id } = await knex("accounts").where({ user_id: userId }).first();
  return id;
}

function minorUnits(amount: string | number | undefined): number {
  return Math.round(Number(amount) * 100);
}
