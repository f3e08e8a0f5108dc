import test, { type ExecutionContext } from "ava";
import {
  type DataPlatform,
  type DataPlatformOptions,
  startDataPlatform,
} from "../../../data-platform-simulator/data-platform.ts";
import { type Engine, engines, mysqlEngine, sqliteEngine } from "../../../platform/testing/engines.ts";
import { eventually } from "../../../platform/testing/eventually.ts";
import { type Happening, Shop, type ShopOptions, secret } from "./shop.ts";

const newEngine = { SQLite: sqliteEngine, MySQL: mysqlEngine };
const found = engines();
const engineNames = found.map(({ name }) => name);
await Promise.all(found.map((engine) => engine.remove()));

/** What a test stands on: a database of its own, and what is stopped when it ends. */
export class Scene {
  readonly engine: Engine;
  private readonly stops: (() => unknown)[] = [];

  constructor(engine: Engine) {
    this.engine = engine;
  }

  /** Starts the stand-in of the data platform. */
  async platform(options: Partial<DataPlatformOptions> = {}): Promise<DataPlatform> {
    const platform = await startDataPlatform({ port: 0, secret, ...options });
    this.atEnd(() => platform.stop());
    return platform;
  }

  /** Starts a replica that sends to an address; to a file where there is none. */
  async shop(url: string | undefined, options: ShopOptions = {}): Promise<Shop> {
    const environment = { ...(url && environmentOf(url)), ...options.environment };
    const shop = await Shop.start(this.engine, { ...options, environment });
    this.atEnd(() => shop.stop());
    return shop;
  }

  atEnd(stop: () => unknown): void {
    this.stops.push(stop);
  }

  async end(): Promise<void> {
    try {
      // What is sent to goes last, so that nobody waits for it.
      for (const stop of this.stops.splice(0).reverse()) await stop();
    } finally {
      await this.engine.remove();
    }
  }
}

export function environmentOf(url: string): Record<string, string> {
  return { DATA_PLATFORM_URL: url, DATA_PLATFORM_SECRET: secret };
}

/** Declares a test on every engine, each with a database of its own. */
export function flow(
  title: string,
  run: (t: ExecutionContext, scene: Scene) => Promise<void>,
  on: readonly Engine["name"][] = engineNames,
): void {
  for (const name of engineNames.filter((one) => on.includes(one))) {
    test.serial(`${title} (${name})`, async (t) => {
      const scene = new Scene(newEngine[name]());
      try {
        await run(t, scene);
      } finally {
        await scene.end();
      }
    });
  }
}

/** Waits until nothing waits to be sent. */
export async function allSent(shop: Shop): Promise<void> {
  await eventually(async () => (await shop.counts()).waiting === 0);
}

/** The orders that a platform has, by whose they are, in order of arrival. */
export function ordersByUser({ events }: Pick<DataPlatform, "events">): Map<number, number[]> {
  const byUser = new Map<number, number[]>();
  for (const { data } of events) {
    const { id, user_id: userId } = data as { id: number; user_id: number };
    byUser.set(userId, [...(byUser.get(userId) ?? []), id]);
  }
  return byUser;
}

/** Whether all of these have come, and those of each user in order. */
export function haveAllCome(t: ExecutionContext, platform: DataPlatform, happenings: readonly Happening[]): void {
  t.is(platform.events.length, happenings.length);
  const arrived = ordersByUser(platform);
  for (const userId of new Set(happenings.map((one) => one.userId))) {
    const expected = happenings.filter((one) => one.userId === userId).map(({ orderId }) => orderId);
    t.deepEqual(arrived.get(userId), expected, `user ${userId}`);
  }
}
