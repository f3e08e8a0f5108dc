import type { Refusal } from "../../platform/refusal.ts";
import type { Instant } from "../../platform/time.ts";
import { OfferNotFound, ProductNotFound } from "./errors.ts";
import type { Offer, Product } from "./product.ts";

/** A product, and its offers as far as they matter to what is asked. */
export interface PricedProduct {
  readonly product: Product;
  readonly offers: readonly Offer[];
}

/** Something to be told the price of. */
export interface PriceQuestion {
  readonly productId: bigint;
  /** At this offer's price; the lowest where undefined. */
  readonly offerId: bigint | undefined;
}

/** What a product costs at an instant. */
export interface Price {
  readonly productId: bigint;
  readonly vendorId: bigint;
  readonly name: string;
  /** Of one unit: minor units. */
  readonly unitPrice: bigint;
  /** ISO 4217. */
  readonly currency: string;
  /** The offer whose price it is; undefined where it is the product's own. */
  readonly offerId: bigint | undefined;
}

/** A price, or why there is none. */
export type Pricing = { readonly price: Price } | { readonly refusal: Refusal };

/** Whether an offer runs at an instant; its first and its last are part of its time. */
function isRunning({ startsAt, endsAt }: Offer, at: Instant): boolean {
  return startsAt <= at && (endsAt === undefined || at <= endsAt);
}

/** Those that run at an instant, the lowest price first; of two alike the older. */
export function runningOffers(offers: readonly Offer[], at: Instant): Offer[] {
  return offers.filter((offer) => isRunning(offer, at)).sort(byPrice);
}

/** Says what something costs at an instant: what it says of a product that is not there is that it is not there. */
export function priceAt({ offerId }: PriceQuestion, priced: PricedProduct | undefined, at: Instant): Pricing {
  if (!priced?.product.active) return { refusal: new ProductNotFound() };
  const { product, offers } = priced;
  const running = runningOffers(offers, at);
  if (offerId === undefined) {
    const [lowest] = running;
    return { price: priceOf(product, lowest && lowest.price < product.price ? lowest : undefined) };
  }
  const wanted = running.find((offer) => offer.id === offerId && offer.productId === product.id);
  return wanted ? { price: priceOf(product, wanted) } : { refusal: new OfferNotFound() };
}

function priceOf({ id, vendorId, name, price, currency }: Product, offer: Offer | undefined): Price {
  return { productId: id, vendorId, name, unitPrice: offer?.price ?? price, currency, offerId: offer?.id };
}

function byPrice(a: Offer, b: Offer): number {
  if (a.price !== b.price) return a.price < b.price ? -1 : 1;
  return a.id < b.id ? -1 : 1;
}
