import { type Engine, mysqlEngine, sqliteEngine } from "../../platform/testing/engines.ts";
import type { RestClient } from "../rest-client.ts";
import { runMesh } from "../running-mesh.ts";
import { faultsIn } from "./books.ts";
import { House } from "./house.ts";
import { type Member, newMembers } from "./members.ts";

/** A shop in this process, with those who buy in it. */
export interface RunningShop {
  readonly house: House;
  readonly members: readonly Member[];
  /** Somebody who works for the house's vendor. */
  readonly vendor: RestClient;
  /** What is wrong with the books once every order is at rest: nothing, it is hoped. */
  faults(): Promise<string[]>;
  close(): Promise<void>;
}

/** Opens a shop on a new database of an engine. */
export async function openShop(
  engineName: Engine["name"],
  members: number,
  environment: Readonly<Record<string, string>> = {},
): Promise<RunningShop> {
  const engine = engineName === "MySQL" ? mysqlEngine() : sqliteEngine();
  const { mesh, anonymous, superAdmin, newStaff } = await runMesh(engine, {
    TOKEN_LIFETIME_SECONDS: "86400",
    // Every answer is looked at here: a log of those that say "try again" tells nothing more.
    LOG_LEVEL: "fatal",
    ...environment,
  });
  const house = await House.open(superAdmin);
  const buyers = await newMembers(anonymous, members);
  return {
    house,
    members: buyers,
    vendor: await newStaff("vendor", { vendor_id: house.vendorId }),
    faults: () => faultsIn(house, buyers),
    close: async () => {
      await mesh.stop();
      await engine.remove();
    },
  };
}
