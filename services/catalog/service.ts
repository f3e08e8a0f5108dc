import { countLane } from "../platform/lane-metrics.ts";
import type { ServiceDefinition } from "../platform/service.ts";
import { now } from "../platform/time.ts";
import { HoldExpiry } from "./hold-expiry.ts";
import { serveAdminCatalog } from "./rpc/admin-catalog.ts";
import { serveProducts } from "./rpc/products.ts";
import { serveStock } from "./rpc/stock.ts";
import { Stock } from "./stock.ts";
import { Holds } from "./store/holds.ts";
import { migrations } from "./store/migrations.ts";
import { Offers } from "./store/offers.ts";
import { ProductSales } from "./store/product-sales.ts";
import { Products } from "./store/products.ts";
import { Vendors } from "./store/vendors.ts";
import { TopProducts } from "./top-products.ts";

const purgeEveryMs = 600_000;

/** Knows what there is to buy: vendors, products, offers, stock, and what sells best. */
export const catalog: ServiceDefinition = {
  name: "catalog",
  migrations,
  async create({ config: { defaultCurrency }, database, metrics, ids }) {
    const vendors = new Vendors(database);
    const products = new Products(database);
    const offers = new Offers(database);
    const holds = new Holds(database);
    const stock = new Stock(database, holds, countLane(metrics, "stock"));
    const expiry = new HoldExpiry(stock, holds);
    const top = new TopProducts(new ProductSales(database));
    const sequences = { vendorIds: ids("vendors"), productIds: ids("products"), offerIds: ids("offers") };
    return {
      serves: [
        serveProducts({ database, products, offers, top }),
        serveAdminCatalog({ database, vendors, products, offers, stock, defaultCurrency, ...sequences }),
        serveStock(stock, products, offers),
      ],
      consumes: top.consumers,
      workers: [
        { name: "expire-holds", everyMs: 1_000, alone: true, run: (signal) => expiry.run(signal) },
        { name: "purge-holds", everyMs: purgeEveryMs, alone: true, run: (signal) => holds.purge(now(), signal) },
        { name: "purge-product-sales", everyMs: purgeEveryMs, alone: true, run: () => top.purge() },
      ],
    };
  },
};
