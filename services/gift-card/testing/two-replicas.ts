import test, { type ImplementationFn } from "ava";
import { engines } from "../../platform/testing/engines.ts";
import { RunningCards } from "./running-cards.ts";

/** Two meshes on one database, as far as there is a server to hold it: SQLite takes but one. */
export interface TwoReplicas {
  /** Declares a test that is skipped where there is no such server; the title says so. */
  declare(title: string, run: ImplementationFn<[]>): void;
  readonly here: RunningCards;
  readonly there: RunningCards;
}

/** Starts the two, and stops them after the tests of the file. */
export async function startTwoReplicas(): Promise<TwoReplicas> {
  const found = engines();
  const mysql = found.find(({ name }) => name === "MySQL");
  await Promise.all(found.filter((engine) => engine !== mysql).map((engine) => engine.remove()));
  const replicas = mysql ? [await RunningCards.start(mysql), await RunningCards.start(mysql)] : [];
  test.after.always("stop the replicas", async () => {
    for (const replica of replicas) await replica.stop();
    await mysql?.remove();
  });
  const [here, there] = replicas;
  return {
    declare: (title, run) => (here ? test.serial(title, run) : test.skip(`${title} (not without MySQL)`, run)),
    get here() {
      return known(here);
    },
    get there() {
      return known(there);
    },
  };
}

function known(replica: RunningCards | undefined): RunningCards {
  if (!replica) throw new Error("There is no server to hold two replicas");
  return replica;
}
