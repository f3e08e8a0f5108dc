import type { Instant } from "../../platform/time.ts";
import type { Price } from "./price.ts";

/** So many of a product, as somebody wants them held. */
export interface HoldLine {
  readonly productId: bigint;
  /** Units, above zero. */
  readonly quantity: bigint;
  /** At this offer's price; the lowest where undefined. */
  readonly offerId: bigint | undefined;
}

/** What a line costs, and how many units were free right after it was held. */
export interface Quote extends Price {
  readonly stock: bigint;
}

/** A line that is held, or was. */
export interface HeldLine extends HoldLine {
  /** As it was when first held. */
  readonly quote: Quote;
}

/** What has become of a hold. One that has ended is remembered for a while, so that its id stays spent. */
export type HoldState =
  | { readonly status: "held"; readonly expiresAt: Instant }
  | { readonly status: "committed" }
  | { readonly status: "released"; readonly endedAt: Instant }
  | { readonly status: "expired"; readonly endedAt: Instant };

/** Units of several products that are kept for somebody, all or none. */
export interface Hold {
  /** Made by who wants it. */
  readonly id: string;
  /** In the order they were asked for; none in a hold that was released before it was made. */
  readonly lines: readonly HeldLine[];
  readonly state: HoldState;
}

/** The products that a hold's lines are of, each once, in the order of their ids. */
export function productsOf(lines: readonly Pick<HoldLine, "productId">[]): bigint[] {
  return [...new Set(lines.map((line) => line.productId))].sort((a, b) => (a < b ? -1 : 1));
}

/** Whether a hold is of these very lines. */
export function holds({ lines }: Hold, wanted: readonly HoldLine[]): boolean {
  return (
    lines.length === wanted.length &&
    lines.every((line, index) => {
      const other = wanted[index];
      return line.productId === other?.productId && line.quantity === other.quantity && line.offerId === other.offerId;
    })
  );
}
