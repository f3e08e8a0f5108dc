import type { Instant } from "../../platform/time.ts";

/** Somebody who sells. */
export interface Vendor {
  readonly id: bigint;
  readonly name: string;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
}

/** A thing that is sold; its stock aside. */
export interface Product {
  readonly id: bigint;
  readonly vendorId: bigint;
  readonly name: string;
  /** Of one unit where no offer runs: minor units, above zero. */
  readonly price: bigint;
  /** ISO 4217, of the price and of the offers. */
  readonly currency: string;
  /** Whether it is on sale. */
  readonly active: boolean;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
}

/** Where the units of a product are. None of the three is ever below zero. */
export interface StockLevel {
  readonly productId: bigint;
  /** Units that can be ordered. */
  readonly free: bigint;
  /** Units that are held for orders not yet paid. */
  readonly held: bigint;
  readonly sold: bigint;
}

/** A price for a time. */
export interface Offer {
  readonly id: bigint;
  readonly productId: bigint;
  readonly name: string;
  /** Of one unit: minor units of the product's currency. */
  readonly price: bigint;
  readonly startsAt: Instant;
  /** It runs up to this instant, itself included; undefined: for good. */
  readonly endsAt: Instant | undefined;
}
