import type { Page, PagingRequest } from "../../platform/paging.ts";
import { pageOf, readPaging } from "../../platform/paging.ts";
import type { Card } from "../domain/card.ts";
import { type FacetFilter, facetsMatching } from "../domain/facets.ts";
import { type CardLists, cardKey, type Scope } from "../store/card-lists.ts";
import type { CardCounters } from "../store/counters.ts";

/** A page of all cards or of a vendor's. How many there are is counted as they change, so that all pages cost the same. */
export async function readCountedPage(
  cards: CardLists,
  counters: CardCounters,
  scope: Exclude<Scope, { kind: "member" }>,
  filter: FacetFilter,
  request: PagingRequest,
): Promise<Page<Card>> {
  const paging = readPaging(request);
  const parts = facetsMatching(filter).map(({ number }) => number);
  const vendorId = scope.kind === "vendor" ? scope.vendorId : 0n;
  const [rows, total] = await Promise.all([
    cards.list(scope, filter, paging),
    paging.kind === "page" && parts.length > 0 ? counters.total({ kind: "facet", vendorId, parts }) : 0n,
  ]);
  return pageOf(paging, { rows, keyOf: cardKey, total });
}
