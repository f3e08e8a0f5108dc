import type { AdminCatalogService } from "../../../gen/giftmesh/catalog/v1/admin_catalog_service_pb.ts";
import type { Database } from "../../platform/database/database.ts";
import { settle } from "../../platform/idempotency.ts";
import type { IdSequence } from "../../platform/ids.ts";
import { isCurrency } from "../../platform/money.ts";
import { pageOf, readPaging } from "../../platform/paging.ts";
import type { Handlers } from "../../platform/rpc/handler.ts";
import { now } from "../../platform/time.ts";
import { ProductNotFound } from "../domain/errors.ts";
import type { Product, StockLevel } from "../domain/product.ts";
import type { Stock } from "../stock.ts";
import type { Offers } from "../store/offers.ts";
import type { Products } from "../store/products.ts";
import type { Vendors } from "../store/vendors.ts";
import { FieldReader } from "./fields.ts";
import { adminProductShape } from "./shapes.ts";

/** What seeing to products and their stock stands on. */
export interface AdminProductParts {
  readonly database: Database;
  readonly vendors: Vendors;
  readonly products: Products;
  readonly offers: Offers;
  readonly productIds: IdSequence;
  readonly stock: Stock;
  /** ISO 4217. */
  readonly defaultCurrency: string;
}

type ProductHandlers = Pick<
  Handlers<typeof AdminCatalogService>,
  "listAllProducts" | "createProduct" | "getAnyProduct" | "updateProduct" | "adjustStock"
>;

/** What is sold, for those who run the house. */
export function handleProducts(parts: AdminProductParts): ProductHandlers {
  const { database, vendors, products, offers, productIds, stock, defaultCurrency } = parts;

  return {
    async listAllProducts(request) {
      const paging = readPaging(request);
      const { rows, total } = await products.list({ vendorId: request.vendorId, onlyActive: false }, paging);
      const page = pageOf(paging, { rows, total, keyOf: ({ product }) => [product.id] });
      const offersOf = await offers.newest(page.rows.map(({ product }) => product.id));
      return {
        products: page.rows.map((one) => adminProductShape(one, offersOf.get(one.product.id) ?? [])),
        pageInfo: page.pageInfo,
      };
    },

    async createProduct({ vendorId, name, price, currency = defaultCurrency, stock: units = 0n, active = true }, call) {
      const [id, at] = [await productIds.take(), now()];
      const level: StockLevel = { productId: id, free: units, held: 0n, sold: 0n };
      return database.transaction(async (tx) => {
        const fields = new FieldReader();
        if (!(await vendors.exists(tx, vendorId))) {
          fields.add({ field: "vendor_id", description: "The selected vendor id is invalid." });
        }
        if (!isCurrency(currency)) fields.add({ field: "currency", description: "The currency is not supported." });
        const minorUnits = isCurrency(currency) ? fields.price(price, currency) : 0n;
        fields.check();

        const times = { createdAt: at, updatedAt: at };
        const product: Product = { id, vendorId, name, price: minorUnits, currency, active, ...times };
        await products.insert(tx, product, level);
        return settle(tx, call, { product: adminProductShape({ product, level }, []) });
      });
    },

    async getAnyProduct({ productId }) {
      const found = await products.find(productId);
      if (!found) throw new ProductNotFound();
      const offersOf = await offers.newest([productId]);
      return { product: adminProductShape(found, offersOf.get(productId) ?? []) };
    },

    async updateProduct({ productId, name, price, active }, call) {
      return database.transaction(async (tx) => {
        const known = await products.lock(tx, productId);
        if (!known) throw new ProductNotFound();
        const fields = new FieldReader();
        const changes = {
          ...(name !== undefined && { name }),
          ...(price !== undefined && { price: fields.price(price, known.currency) }),
          ...(active !== undefined && { active }),
        };
        fields.check();

        const isChanged = Object.keys(changes).length > 0;
        const product: Product = isChanged ? { ...known, ...changes, updatedAt: now() } : known;
        if (isChanged) await products.update(tx, product);
        const level = await products.level(tx, productId);
        const shape = adminProductShape({ product, level }, await offers.newestOf(tx, productId));
        return settle(tx, call, { product: shape });
      });
    },

    async adjustStock({ productId, delta }, call) {
      const found = await products.find(productId);
      if (!found) throw new ProductNotFound();
      const all = (await offers.newest([productId])).get(productId) ?? [];
      const answerOf = (level: StockLevel) => ({ product: adminProductShape({ product: found.product, level }, all) });
      const settling = (level: StockLevel) => call.receipt?.settling(answerOf(level)) ?? [];
      return answerOf(await stock.adjust({ productId, delta }, settling, call.deadline));
    },
  };
}
