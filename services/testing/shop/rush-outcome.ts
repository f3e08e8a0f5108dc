import type { TakenEvent } from "../../data-platform-simulator/event-log.ts";
import { openMysql } from "../../platform/database/mysql.ts";
import type { Engine } from "../../platform/testing/engines.ts";
import type { RestClient } from "../rest-client.ts";
import { unitsSold } from "./books.ts";
import { listAll, type Member, placedIn, type ShownOrder } from "./members.ts";
import { type Asked, attemptAt, type Rush } from "./rush.ts";

/** How many of the answers are asked for again. */
const mostReplayed = 300;

/** Everybody's orders, by id. */
export async function ordersOf(members: readonly Member[]): Promise<Map<number, ShownOrder>> {
  const lists = await Promise.all(members.map(({ client }) => listAll<ShownOrder>(client, "/orders")));
  return new Map(lists.flat().map((order) => [order.id, order]));
}

/** What members were answered and is not so. */
export function promiseFaults({ asked }: Rush, orders: ReadonlyMap<number, ShownOrder>): string[] {
  const faults: string[] = [];
  const placed = new Map<number, string>();
  const cancellations = new Set(asked.map(({ path }) => /^\/orders\/(\d+)\/cancel$/.exec(path)?.[1]));
  for (const { path, key, answer } of asked) {
    if (!answer) faults.push(`${path} was never answered under ${key}`);
    else if (path === "/order/me" && answer.status === 201) {
      const { id } = placedIn(answer);
      if (placed.has(id)) faults.push(`order ${id} was placed under two keys`);
      placed.set(id, key);
      if (!orders.has(id)) faults.push(`order ${id} is not there`);
    } else if (path.startsWith("/payment/") && answer.status === 200) {
      const id = Number(path.slice("/payment/".length));
      const { status, paid_at } = orders.get(id) ?? {};
      const isKept = paid_at && (status === "completed" || (status === "cancelled" && cancellations.has(String(id))));
      if (!isKept) faults.push(`order ${id} was paid, and is ${status}`);
      if (!isPaid(answer.body.data)) faults.push(`order ${id} was paid, by the answer ${answer.text}`);
    } else if (path.endsWith("/cancel") && answer.status === 200) {
      const id = Number(path.split("/")[2]);
      if (orders.get(id)?.status !== "cancelled")
        faults.push(`order ${id} was cancelled, and is ${orders.get(id)?.status}`);
    }
  }
  for (const id of orders.keys()) if (!placed.has(id)) faults.push(`nobody was told of order ${id}`);
  return faults;
}

function isPaid(data: Readonly<Record<string, unknown>> | undefined): boolean {
  const { payment, order } = (data ?? {}) as { payment?: { status: string }; order?: { status: string } };
  return payment?.status === "paid" && order?.status === "completed";
}

/** Answers that are others when they are asked for again under the same key. */
export async function replayFaults({ asked }: Rush): Promise<string[]> {
  const some = asked.filter(({ answer }) => answer).slice(-mostReplayed);
  const faults: string[] = [];
  const check = async (one: Asked) => {
    const again = await attemptAt(one);
    if (again?.text !== one.answer?.text) faults.push(`${one.path}: first ${one.answer?.text}, then ${again?.text}`);
  };
  for (let start = 0; start < some.length; start += 16) await Promise.all(some.slice(start, start + 16).map(check));
  return faults;
}

/**
 * Holds that nobody has committed or released: the catalog frees them in the end, but whoever had them made has forgotten
 * them. No client can see that.
 */
export async function forgottenHolds({ environment }: Engine): Promise<string[]> {
  const { DATABASE_URL: url = "", DATABASE_PREFIX: prefix } = environment;
  const catalog = openMysql(url, `${prefix}catalog`, 1);
  const rows = await catalog.select({ sql: "SELECT id FROM holds WHERE status IN ('held', 'expired')", values: [] });
  await catalog.close();
  return rows.map(({ id }) => `hold ${id} was forgotten`);
}

/** Units that the list of what sells best counts otherwise than the orders do. */
export async function topFaults(anonymous: RestClient, orders: ReadonlyMap<number, ShownOrder>): Promise<string[]> {
  const { body } = await anonymous.get("/products/top?days=3&limit=100");
  const top = (body.data ?? []) as unknown as { readonly id: number; readonly sold: number }[];
  const counted = new Map(top.map(({ id, sold }) => [id, sold]));
  const sold = unitsSold(orders.values());
  return [...new Set([...counted.keys(), ...sold.keys()])]
    .filter((id) => counted.get(id) !== sold.get(id))
    .map((id) => `product ${id} was sold ${sold.get(id)} times, and counts as ${counted.get(id)}`);
}

interface ShownEvent extends TakenEvent {
  readonly data: { readonly id: number; readonly user_id: number };
}

/** What the data platform was not told of, was told of and is not so, or was told of before it can have been. */
export function platformFaults(taken: readonly TakenEvent[], orders: ReadonlyMap<number, ShownOrder>): string[] {
  const events = taken as readonly ShownEvent[];
  const expected = new Set(
    Array.from(orders.values()).flatMap(({ id, status, paid_at }) => [
      ...(paid_at ? [`order.paid of ${id}`] : []),
      ...(paid_at && status === "cancelled" ? [`order.cancelled of ${id}`] : []),
    ]),
  );
  const told = events.map(nameOf);
  const faults = [
    ...[...expected].filter((one) => !told.includes(one)).map((one) => `the data platform misses ${one}`),
    ...told.filter((one) => !expected.has(one)).map((one) => `the data platform was told ${one}, and it is not so`),
  ];
  const places = new Map(told.map((one, index) => [one, index]));
  for (const [one, place] of places) {
    const paid = places.get(one.replace("cancelled", "paid"));
    if (paid !== undefined && paid > place) faults.push(`${one} came before it was paid`);
  }
  return faults;
}

/** What happened to a member's orders, as that member saw it. */
interface Happening {
  readonly what: string;
  readonly memberId: number;
  /** Not before it was asked for; and by then, if it was answered. */
  readonly from: number;
  readonly until: number;
}

/** What the data platform was told later of than of something that the same member only asked for after it was done. */
export function orderFaults(taken: readonly TakenEvent[], { asked }: Rush): string[] {
  const places = new Map((taken as readonly ShownEvent[]).map((event, index) => [nameOf(event), index]));
  const happenings = happeningsIn(asked).filter(({ what }) => places.has(what));
  const ofMembers = Map.groupBy(happenings, ({ memberId }) => memberId);
  const isOvertaken = (first: Happening, second: Happening) =>
    first.until < second.from && (places.get(first.what) ?? 0) > (places.get(second.what) ?? 0);
  return Array.from(ofMembers.values()).flatMap((own) =>
    own.flatMap((first) =>
      own.filter((second) => isOvertaken(first, second)).map((second) => `${second.what} came before ${first.what}`),
    ),
  );
}

function happeningsIn(asked: readonly Asked[]): Happening[] {
  const requests = asked.flatMap((one) => {
    const what = happeningOf(one);
    return what === undefined ? [] : [{ ...one, what }];
  });
  return Array.from(
    Map.groupBy(requests, ({ what }) => what),
    ([what, all]) => ({
      what,
      memberId: all[0]?.member.id ?? 0,
      from: Math.min(...all.map(({ askedAt }) => askedAt)),
      until: Math.min(
        ...all.map(({ answer, answeredAt = Infinity }) => (answer?.status === 200 ? answeredAt : Infinity)),
      ),
    }),
  );
}

/** What a request leads to; undefined for those that the data platform is not told of. */
function happeningOf({ path }: Asked): string | undefined {
  const paid = /^\/payment\/(\d+)$/.exec(path)?.[1];
  if (paid) return `order.paid of ${paid}`;
  const cancelled = /^\/orders\/(\d+)\/cancel$/.exec(path)?.[1];
  return cancelled && `order.cancelled of ${cancelled}`;
}

function nameOf({ type, data }: ShownEvent): string {
  return `${type} of ${data.id}`;
}
