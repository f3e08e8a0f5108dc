import { adminCatalog } from "./admin-catalog.ts";
import { adminCoupons } from "./admin-coupons.ts";
import { carts } from "./carts.ts";
import { coupons } from "./coupons.ts";
import { discounts } from "./discounts.ts";
import { orders } from "./orders.ts";
import { payments } from "./payments.ts";
import { products } from "./products.ts";
import { retries } from "./retries.ts";
import { vendorOrders } from "./vendor-orders.ts";

/** Every theme that needs nothing of its shop but that it is open. */
export const shopThemes = [
  products,
  adminCatalog,
  coupons,
  adminCoupons,
  carts,
  orders,
  discounts,
  payments,
  vendorOrders,
  retries,
];
