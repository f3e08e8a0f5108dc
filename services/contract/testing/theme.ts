import test from "ava";
import type { Engine } from "../../platform/testing/engines.ts";
import { Shop } from "./shop.ts";

/** Tests about one thing in a shop that is open: makes what they need, and answers what declares them. */
export type Theme = (shop: Shop) => Promise<() => void>;

/** A theme that makes what its tests need, and declares them with it. */
export function themeOf<T>(setUp: (shop: Shop) => Promise<T>, declare: (around: T) => void): Theme {
  return async (shop) => {
    const around = await setUp(shop);
    return () => declare(around);
  };
}

/** Opens one shop on an engine, and declares all its themes' tests: to start a mesh takes longer than to run them. */
export async function declareThemes(engine: Engine, themes: readonly Theme[]): Promise<void> {
  const shop = await Shop.open(engine);
  // One after another: all tests are declared at once, after everything that is to be waited for.
  const declarations = [];
  for (const theme of themes) declarations.push(await theme(shop));
  test.after.always(() => shop.close());
  for (const declare of declarations) declare();
}
