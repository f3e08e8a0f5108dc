import type { MessageInitShape } from "@bufbuild/protobuf";
import type { PageInfoSchema } from "../../gen/giftmesh/common/v1/paging_pb.ts";
import { InvalidFields } from "./refusal.ts";

const defaultPerPage = 20;

/** How far into a list a page number reaches; beyond that a client follows the cursor. */
const mostItems = 10_000;

const mostInt64 = 2n ** 63n - 1n;

/** The paging fields of a list request; the rules in the proto hold `page` and `perPage` within their limits. */
export interface PagingRequest {
  readonly page?: number | undefined;
  readonly perPage?: number | undefined;
  readonly cursor?: string | undefined;
}

/** Which page to read: one by its number, or the one after an item, which costs the same wherever that is. */
export type Paging =
  | { readonly kind: "page"; readonly page: number; readonly perPage: number; readonly offset: number }
  | { readonly kind: "cursor"; readonly perPage: number; readonly after: Key };

/** What a list is sorted by, for one item; it ends in what is unique. */
export type Key = readonly bigint[];

/** What was read for a page. */
export interface Read<T> {
  /** As many as fit on the page, and one more where there are more: `limit perPage + 1`. */
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => Key;
  /** Items in the whole list; needed for a page by its number only. */
  readonly total?: bigint | undefined;
}

/** One page of a list and where it stands. */
export interface Page<T> {
  readonly rows: readonly T[];
  readonly pageInfo: MessageInitShape<typeof PageInfoSchema>;
}

/**
 * Reads which page is wanted of a list whose key has so many numbers. Throws InvalidFields for a page beyond 10,000
 * items, a cursor that is none, and a cursor together with a page.
 */
export function readPaging({ page, perPage = defaultPerPage, cursor }: PagingRequest, keyLength = 1): Paging {
  if (cursor !== undefined) {
    if (page !== undefined) throw invalid("cursor", "The cursor cannot be used together with page.");
    return { kind: "cursor", perPage, after: decodeCursor(cursor, keyLength) };
  }
  const number = page ?? 1;
  if (number * perPage > mostItems) {
    throw invalid("page", `The page times per page must not be greater than ${mostItems}; follow the cursor instead.`);
  }
  return { kind: "page", page: number, perPage, offset: (number - 1) * perPage };
}

/** Makes a page of what was read for it. */
export function pageOf<T>(paging: Paging, { rows, keyOf, total = 0n }: Read<T>): Page<T> {
  const shown = rows.slice(0, paging.perPage);
  const last = shown.at(-1);
  const nextCursor =
    last !== undefined && rows.length > shown.length ? { nextCursor: encodeCursor(keyOf(last)) } : undefined;
  return { rows: shown, pageInfo: { perPage: paging.perPage, ...numbersOf(paging, total), ...nextCursor } };
}

function numbersOf(paging: Paging, total: bigint) {
  if (paging.kind === "cursor") return undefined;
  const lastPage = Math.max(1, Math.ceil(Number(total) / paging.perPage));
  return { currentPage: paging.page, total, lastPage };
}

function encodeCursor(key: Key): string {
  return Buffer.from(key.join()).toString("base64url");
}

function decodeCursor(cursor: string, keyLength: number): Key {
  const parts = Buffer.from(cursor, "base64url").toString("latin1").split(",");
  const key = parts.map((part) => (/^[0-9]{1,19}$/.test(part) ? BigInt(part) : -1n));
  if (key.length !== keyLength || key.some((number) => number < 0n || number > mostInt64)) {
    throw invalid("cursor", "The cursor is not one of this list.");
  }
  return key;
}

function invalid(field: string, description: string): InvalidFields {
  return new InvalidFields([{ field, description }]);
}
