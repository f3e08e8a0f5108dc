import type { MessageInitShape } from "@bufbuild/protobuf";
import type { AdminProductSchema, VendorSchema } from "../../../gen/giftmesh/catalog/v1/admin_catalog_service_pb.ts";
import type { OfferSchema, ProductSchema } from "../../../gen/giftmesh/catalog/v1/product_pb.ts";
import type { TopProductSchema } from "../../../gen/giftmesh/catalog/v1/product_service_pb.ts";
import type { QuoteSchema } from "../../../gen/giftmesh/catalog/v1/stock_service_pb.ts";
import { formatAmount } from "../../platform/money.ts";
import { toTimestamp } from "../../platform/time.ts";
import type { Quote } from "../domain/hold.ts";
import type { Offer, Vendor } from "../domain/product.ts";
import type { SoldProduct } from "../store/product-sales.ts";
import type { StockedProduct } from "../store/products.ts";

export function vendorShape({ id, name, createdAt, updatedAt }: Vendor): MessageInitShape<typeof VendorSchema> {
  return { id, name, createdAt: toTimestamp(createdAt), updatedAt: toTimestamp(updatedAt) };
}

export function offerShape(offer: Offer, currency: string): MessageInitShape<typeof OfferSchema> {
  const { id, productId, name, price, startsAt, endsAt } = offer;
  return {
    id,
    productId,
    name,
    price: formatAmount(price, currency),
    startsAt: toTimestamp(startsAt),
    ...(endsAt !== undefined && { endsAt: toTimestamp(endsAt) }),
  };
}

/** A product as those who run the house see it; the offers are to be all it has. */
export function adminProductShape(
  { product, level }: StockedProduct,
  offers: readonly Offer[],
): MessageInitShape<typeof AdminProductSchema> {
  const { id, vendorId, name, price, currency, active, createdAt, updatedAt } = product;
  return {
    id,
    vendorId,
    name,
    price: formatAmount(price, currency),
    currency,
    active,
    stock: level.free,
    held: level.held,
    sold: level.sold,
    offers: offers.map((offer) => offerShape(offer, currency)),
    createdAt: toTimestamp(createdAt),
    updatedAt: toTimestamp(updatedAt),
  };
}

/** A product as its buyers see it; the offers are to be those that run, in order. */
export function productShape(
  { product, level }: StockedProduct,
  offers: readonly Offer[],
): MessageInitShape<typeof ProductSchema> {
  const { id, vendorId, name, price, currency } = product;
  return {
    id,
    vendorId,
    name,
    price: formatAmount(price, currency),
    currency,
    stock: level.free,
    offers: offers.map((offer) => offerShape(offer, currency)),
  };
}

export function topProductShape({ product, sold }: SoldProduct): MessageInitShape<typeof TopProductSchema> {
  const { id, vendorId, name, price, currency } = product;
  return { id, vendorId, name, price: formatAmount(price, currency), currency, sold };
}

export function quoteShape(quote: Quote): MessageInitShape<typeof QuoteSchema> {
  const { productId, vendorId, name, unitPrice, currency, offerId, stock } = quote;
  return {
    productId,
    vendorId,
    name,
    unitPrice: { currencyCode: currency, minorUnits: unitPrice },
    ...(offerId !== undefined && { offerId }),
    stock,
  };
}
