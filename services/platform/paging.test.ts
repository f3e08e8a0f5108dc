import test from "ava";
import fc from "fast-check";
import { type Key, pageOf, readPaging } from "./paging.ts";
import { InvalidFields } from "./refusal.ts";

const cursorOf = (key: Key) =>
  pageOf({ kind: "cursor", perPage: 1, after: [] }, { rows: [1, 2], keyOf: () => key }).pageInfo.nextCursor as string;

test("a request that says nothing gets the first 20", (t) => {
  t.deepEqual(readPaging({}), { kind: "page", page: 1, perPage: 20, offset: 0 });
});

test("a page starts where the one before it ended", (t) => {
  t.deepEqual(readPaging({ page: 3, perPage: 7 }), { kind: "page", page: 3, perPage: 7, offset: 14 });
});

test("a page of an empty list is the last one", (t) => {
  const page = pageOf(readPaging({}), { rows: [], keyOf: () => [0n], total: 0n });
  t.deepEqual(page, { rows: [], pageInfo: { perPage: 20, currentPage: 1, total: 0n, lastPage: 1 } });
});

test("a page by its number says where it stands, and a cursor leads on from it", (t) => {
  const { rows, pageInfo } = pageOf(readPaging({ perPage: 2 }), { rows: [9n, 8n, 7n], keyOf: (n) => [n], total: 5n });
  t.deepEqual(rows, [9n, 8n]);
  t.deepEqual(
    { ...pageInfo, nextCursor: undefined },
    { perPage: 2, currentPage: 1, total: 5n, lastPage: 3, nextCursor: undefined },
  );
  t.deepEqual(readPaging({ perPage: 2, cursor: pageInfo.nextCursor as string }), {
    kind: "cursor",
    perPage: 2,
    after: [8n],
  });
});

test("the last page has no cursor, even where it is full", (t) => {
  const { pageInfo } = pageOf(readPaging({ perPage: 2 }), { rows: [2n, 1n], keyOf: (n) => [n], total: 2n });
  t.false("nextCursor" in pageInfo);
});

test("a page that was reached by a cursor counts nothing", (t) => {
  const paging = readPaging({ cursor: cursorOf([3n]) });
  t.deepEqual(pageOf(paging, { rows: [2n], keyOf: (n) => [n] }).pageInfo, { perPage: 20 });
});

test("a cursor says what the key said, whatever its numbers", (t) => {
  fc.assert(
    fc.property(fc.array(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), { minLength: 1, maxLength: 4 }), (key) => {
      const paging = readPaging({ cursor: cursorOf(key) }, key.length);
      t.deepEqual(paging, { kind: "cursor", perPage: 20, after: key });
    }),
  );
});

test("page times per page may be 10,000", (t) => {
  t.is(readPaging({ page: 100, perPage: 100 }).kind, "page");
});

const refused: readonly [string, Parameters<typeof readPaging>[0], string][] = [
  ["page times per page over 10,000", { page: 101, perPage: 100 }, "page"],
  ["a cursor together with a page", { page: 1, cursor: cursorOf([1n]) }, "cursor"],
  ["an empty cursor", { cursor: "" }, "cursor"],
  ["a cursor that is no base64url", { cursor: "!!" }, "cursor"],
  ["a cursor of another list", { cursor: cursorOf([1n, 2n]) }, "cursor"],
  ["a cursor with a text", { cursor: Buffer.from("1 OR 1").toString("base64url") }, "cursor"],
  ["a cursor below zero", { cursor: Buffer.from("-1").toString("base64url") }, "cursor"],
  ["a cursor beyond int64", { cursor: Buffer.from(String(2n ** 63n)).toString("base64url") }, "cursor"],
];

for (const [what, request, field] of refused) {
  test(`${what} is refused`, (t) => {
    const error = t.throws(() => readPaging(request), { instanceOf: InvalidFields });
    t.deepEqual(
      error?.fields.map((one) => one.field),
      [field],
    );
  });
}
