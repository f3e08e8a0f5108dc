import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Quote } from "../../../gen/giftmesh/catalog/v1/stock_service_pb.ts";
import { type CartItemSchema, type CartSchema, CartService } from "../../../gen/giftmesh/payment/v1/cart_service_pb.ts";
import { settle } from "../../platform/idempotency.ts";
import { formatAmount } from "../../platform/money.ts";
import type { Call } from "../../platform/rpc/call.ts";
import { type Served, serve } from "../../platform/rpc/handler.ts";
import { add, type CartChange, remove, update } from "../domain/cart.ts";
import type { Line } from "../domain/pricing.ts";
import type { Neighbours } from "../neighbours.ts";
import type { Carts } from "../store/carts.ts";

/** How many prices are asked for at once: as many as a cart has products. */
const mostQuotes = 100;

/** How often a change is taken up again because another one came between. */
const mostRounds = 3;

type CartInit = MessageInitShape<typeof CartSchema>;

/** What a member means to order. */
export function serveCarts(carts: Carts, stock: Neighbours["stock"]): Served {
  /** What everything costs now; what is not on sale any more is left out. */
  const quotesOf = async (productIds: readonly bigint[], call: Call, skipMissing = true) => {
    if (productIds.length === 0) return new Map<bigint, Quote>();
    const items = productIds.map((productId) => ({ productId }));
    const { quotes } = await stock.quoteProducts({ items, skipMissing }, call);
    return new Map(quotes.map((quote) => [quote.productId, quote]));
  };

  /** Changes the line of one product, and answers the cart as it is then. */
  const change = async (productId: bigint, call: Call, decide: (lines: readonly Line[]) => CartChange) => {
    const { userId } = call.caller;
    for (let round = 1; ; round++) {
      // Asked for before the transaction, which is to be short; prices are promised to nobody.
      const others = (await carts.linesOf(userId)).map((line) => line.productId);
      const asked = new Set([...others, productId].slice(0, mostQuotes));
      const quotes = await quotesOf([...asked], call);
      // What others of the member's requests have added since is asked for too, unless there is no end to them.
      const isKnown = (lines: readonly Line[]) =>
        round === mostRounds || lines.every((line) => asked.has(line.productId));
      let answer: { cart: CartInit } | undefined;
      await carts.change(
        userId,
        productId,
        (lines) => (isKnown(lines) ? decide(lines) : undefined),
        async (lines, session) => {
          answer = await settle(session, call, { cart: cartShape(lines, quotes) });
        },
      );
      if (answer) return answer;
    }
  };

  return serve(CartService, {
    async getCart(_, call) {
      const lines = await carts.linesOf(call.caller.userId);
      const quotes = await quotesOf(
        lines.map(({ productId }) => productId),
        call,
      );
      return { cart: cartShape(lines, quotes) };
    },

    async addCartItem({ productId, quantity }, call) {
      await quotesOf([productId], call, false);
      return change(productId, call, (lines) => add(lines, productId, quantity));
    },

    updateCartItem: ({ productId, quantity }, call) =>
      change(productId, call, (lines) => update(lines, productId, quantity)),

    removeCartItem: ({ productId }, call) => change(productId, call, (lines) => remove(lines, productId)),
  });
}

function cartShape(lines: readonly Line[], quotes: ReadonlyMap<bigint, Quote>): CartInit {
  const totals = new Map<string, bigint>();
  for (const line of lines) {
    const quote = quotes.get(line.productId);
    if (!quote || !isAvailable(line, quote)) continue;
    const { currencyCode, minorUnits } = priceOf(quote);
    totals.set(currencyCode, (totals.get(currencyCode) ?? 0n) + minorUnits * line.quantity);
  }
  return {
    items: lines.map((line) => itemShape(line, quotes.get(line.productId))),
    totals: Array.from(totals, ([currency, total]) => ({ currency, totalAmount: formatAmount(total, currency) })),
  };
}

function itemShape(line: Line, quote: Quote | undefined): MessageInitShape<typeof CartItemSchema> {
  const { productId, quantity } = line;
  if (!quote) return { productId, quantity, available: false };
  const { currencyCode: currency, minorUnits } = priceOf(quote);
  return {
    productId,
    quantity,
    available: isAvailable(line, quote),
    vendorId: quote.vendorId,
    name: quote.name,
    unitPrice: formatAmount(minorUnits, currency),
    totalAmount: formatAmount(minorUnits * quantity, currency),
    currency,
  };
}

function isAvailable({ quantity }: Line, { stock }: Quote): boolean {
  return stock >= quantity;
}

function priceOf({ unitPrice }: Quote) {
  if (!unitPrice) throw new Error("The catalog has quoted no price");
  return unitPrice;
}
