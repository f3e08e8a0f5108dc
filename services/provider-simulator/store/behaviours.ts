import type { Database } from "../../platform/database/database.ts";
import { upsertInto } from "../../platform/database/statements.ts";
import { type Behaviour, goodBehaviour } from "../domain/behaviour.ts";

/** How the stand-in behaves, as it was last told: kept, so that it is the same after a crash. */
export class Behaviours {
  private readonly database: Database;
  private behaviour: Behaviour;

  static async open(database: Database): Promise<Behaviours> {
    const [row] = await database.select({ sql: "SELECT behaviour FROM behaviour WHERE id = 1", values: [] });
    return new Behaviours(database, { ...goodBehaviour, ...(row && JSON.parse(row.behaviour as string)) });
  }

  private constructor(database: Database, behaviour: Behaviour) {
    this.database = database;
    this.behaviour = behaviour;
  }

  get current(): Behaviour {
    return this.behaviour;
  }

  async change(behaviour: Behaviour): Promise<void> {
    const row = [1n, JSON.stringify(behaviour)];
    const upsert = { key: ["id"], update: ["behaviour"] };
    await this.database.commit([upsertInto(this.database.dialect, "behaviour", ["id", "behaviour"], [row], upsert)]);
    this.behaviour = behaviour;
  }
}
