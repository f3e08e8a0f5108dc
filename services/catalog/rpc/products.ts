import { ProductService } from "../../../gen/giftmesh/catalog/v1/product_service_pb.ts";
import type { Database } from "../../platform/database/database.ts";
import { settle } from "../../platform/idempotency.ts";
import { pageOf, readPaging } from "../../platform/paging.ts";
import { type Served, serve } from "../../platform/rpc/handler.ts";
import { now } from "../../platform/time.ts";
import { ProductNotFound } from "../domain/errors.ts";
import { runningOffers } from "../domain/price.ts";
import type { Offers } from "../store/offers.ts";
import type { Products, StockedProduct } from "../store/products.ts";
import type { TopProducts } from "../top-products.ts";
import { productShape, topProductShape } from "./shapes.ts";

const defaultDays = 3;
const defaultLimit = 5;

/** What buyers are shown stands on these. */
export interface ProductParts {
  readonly database: Database;
  readonly products: Products;
  readonly offers: Offers;
  readonly top: TopProducts;
}

/** What there is to buy. */
export function serveProducts({ database, products, offers, top }: ProductParts): Served {
  const shapesOf = async (found: readonly StockedProduct[]) => {
    const at = now();
    const ids = found.map(({ product }) => product.id);
    const running = await offers.running(ids, at);
    return found.map((one) => productShape(one, runningOffers(running.get(one.product.id) ?? [], at)));
  };

  return serve(ProductService, {
    async listProducts(request) {
      const paging = readPaging(request);
      const { rows, total } = await products.list({ vendorId: request.vendorId, onlyActive: true }, paging);
      const page = pageOf(paging, { rows, total, keyOf: ({ product }) => [product.id] });
      return { products: await shapesOf(page.rows), pageInfo: page.pageInfo };
    },

    async getProduct({ productId }, call) {
      const found = await products.find(productId);
      if (!found?.product.active) throw new ProductNotFound();
      const [product] = await shapesOf([found]);
      const answer = { product };
      // By POST it may carry an idempotency key, though it has no effect.
      return call.receipt ? database.transaction((tx) => settle(tx, call, answer)) : answer;
    },

    async listTopProducts({ days = defaultDays, limit = defaultLimit }) {
      return { products: (await top.of(days)).slice(0, limit).map(topProductShape) };
    },
  });
}
