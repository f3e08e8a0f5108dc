import test from "ava";
import { requestIdOf } from "./request-id.ts";

test("no two requests have the same id, and they come in no order", (t) => {
  const ids = Array.from({ length: 100_000 }, () => requestIdOf({ headers: {} }));
  t.is(new Set(ids).size, ids.length);
  for (const id of ids.slice(0, 100))
    t.regex(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const rising = ids.filter((id, index) => id > (ids[index - 1] ?? id)).length;
  t.true(rising > ids.length * 0.3 && rising < ids.length * 0.7);
});
