import { StockService } from "../../../gen/giftmesh/catalog/v1/stock_service_pb.ts";
import { inBatches } from "../../platform/rpc/batch-twin.ts";
import { type Handlers, type Served, serve } from "../../platform/rpc/handler.ts";
import { now, toInstant } from "../../platform/time.ts";
import type { Quote } from "../domain/hold.ts";
import { priceAt } from "../domain/price.ts";
import type { Stock } from "../stock.ts";
import type { Offers } from "../store/offers.ts";
import type { Products } from "../store/products.ts";
import { quoteShape } from "./shapes.ts";

/** Prices and stock, for other services. */
export function serveStock(stock: Stock, products: Products, offers: Offers): Served {
  const holdStock: Handlers<typeof StockService>["holdStock"] = async ({ id, lines, expiresAt }, call) => {
    const until = expiresAt ? toInstant(expiresAt) : 0n;
    const wanted = lines.map(({ productId, quantity, offerId }) => ({ productId, quantity, offerId }));
    const quotes = await stock.hold({ id, lines: wanted, expiresAt: until }, call.deadline);
    return { quotes: quotes.map(quoteShape) };
  };

  const commitHold: Handlers<typeof StockService>["commitHold"] = async ({ id }, call) => {
    await stock.commit(id, call.deadline);
    return {};
  };

  const releaseHold: Handlers<typeof StockService>["releaseHold"] = async ({ id }, call) => {
    await stock.release(id, call.deadline);
    return {};
  };

  return serve(StockService, {
    async quoteProducts({ items, skipMissing }) {
      const at = now();
      const ids = [...new Set(items.map((item) => item.productId))];
      const [found, running] = await Promise.all([products.ofIds(ids), offers.running(ids, at)]);
      const quotes: Quote[] = [];
      for (const { productId, offerId } of items) {
        const one = found.get(productId);
        const priced = one && { product: one.product, offers: running.get(productId) ?? [] };
        const pricing = priceAt({ productId, offerId }, priced, at);
        if ("price" in pricing) quotes.push({ ...pricing.price, stock: one?.level.free ?? 0n });
        else if (!skipMissing) throw pricing.refusal;
      }
      return { quotes: quotes.map(quoteShape) };
    },

    holdStock,
    batchHoldStock: inBatches(holdStock),
    commitHold,
    batchCommitHold: inBatches(commitHold),
    releaseHold,
    batchReleaseHold: inBatches(releaseHold),
  });
}
