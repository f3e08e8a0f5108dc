import type { Database, Row } from "../../platform/database/database.ts";
import type { Instant } from "../../platform/time.ts";

/**
 * Reads what happened from one instant up to another, both included, in pages of so many: `place`, `occurred_at`,
 * `user_id`, `state` and `replay` of each delivery, by the index of time and no other.
 */
export async function* pagesByTime(database: Database, from: Instant, to: Instant, size: number): AsyncIterable<Row[]> {
  let after = { occurredAt: from, place: 0n };
  for (;;) {
    const page = await database.select({
      sql:
        "SELECT place, occurred_at, user_id, state, replay FROM deliveries WHERE occurred_at >= ? " +
        "AND occurred_at <= ? AND (occurred_at > ? OR place > ?) ORDER BY occurred_at, place LIMIT ?",
      values: [after.occurredAt, to, after.occurredAt, after.place, BigInt(size)],
    });
    const last = page.at(-1);
    if (!last) return;
    yield page;
    after = { occurredAt: last.occurred_at as bigint, place: last.place as bigint };
  }
}
