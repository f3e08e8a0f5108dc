import type { ExecutionContext } from "ava";
import type { Answer, RestClient } from "../../testing/rest-client.ts";

export interface Listed {
  readonly id: number;
}

/** What an answer lists. */
export function idsOf({ body }: Answer): number[] {
  return (body.data as unknown as Listed[]).map(({ id }) => id);
}

/** Everything that a list has. */
export async function listAll<T>(client: RestClient, path: string): Promise<T[]> {
  const all: T[] = [];
  for (let cursor = ""; ; ) {
    const { body } = await client.get(`${path}?per_page=100${cursor}`);
    all.push(...(body.data as unknown as T[]));
    if (!body.meta?.next_cursor) return all;
    cursor = `&cursor=${body.meta.next_cursor}`;
  }
}

/**
 * Walks a list by pages of two, and by cursors: both show these ids, and say where they stand. `path` has a query or ends
 * in a question mark.
 */
export async function walk(
  t: ExecutionContext,
  client: RestClient,
  path: string,
  ids: readonly number[],
): Promise<void> {
  const lastPage = Math.ceil(ids.length / 2);
  const atStart = { per_page: 2, total: ids.length, last_page: lastPage };
  const further = { current_page: null, per_page: 2, total: null, last_page: null };
  let cursor: unknown;
  for (let page = 1; page <= lastPage; page++) {
    const expected = ids.slice((page - 1) * 2, page * 2);
    const byPage = await client.get(`${path}&per_page=2&page=${page}`);
    t.deepEqual(idsOf(byPage), expected);
    const { next_cursor: next, ...numbers } = byPage.body.meta ?? {};
    t.deepEqual(numbers, { current_page: page, ...atStart });
    t.is(next === null, page === lastPage);
    if (page > 1) {
      const byCursor = await client.get(`${path}&per_page=2&cursor=${cursor}`);
      t.deepEqual(idsOf(byCursor), expected);
      t.deepEqual(byCursor.body.meta, { ...further, next_cursor: next });
    }
    cursor = next;
  }
}
