import { create } from "@bufbuild/protobuf";
import { CallerSchema, Role } from "../../../gen/giftmesh/common/v1/access_pb.ts";
import {
  type ChargePointsResponse,
  ChargePointsResponseSchema,
  PointsService,
} from "../../../gen/giftmesh/wallet/v1/points_service_pb.ts";
import type { Database, Statement, Transaction } from "../database/database.ts";
import { createTable } from "../database/migrate.ts";
import { retryTransaction } from "../database/retry.ts";
import { insertInto } from "../database/statements.ts";
import { Receipts, settle } from "../idempotency.ts";
import { KeyClaims } from "../key-claims.ts";
import { Lane } from "../lane.ts";
import { receiptsMigrations } from "../receipt.ts";
import type { Refusal } from "../refusal.ts";
import { Call } from "../rpc/call.ts";
import type { Migration } from "../service.ts";
import { type Engine, testDatabase } from "./engines.ts";

const method = PointsService.method.chargePoints;
const caller = create(CallerSchema, { userId: 7n, role: Role.USER });

const effectsMigration: Migration = {
  name: "001-effects",
  up: (knex) =>
    createTable(knex, "effects", (table) => {
      table.string("id", 40).primary();
    }),
};

/** A run of a request whose effect takes two transactions. */
export interface Flow {
  /** The first: claims the key. */
  begin(): Promise<void>;
  /** The last: writes the effect, and the answer. */
  end(balance: string): Promise<ChargePointsResponse>;
  /** The same; its first commit does not go through, its connection being lost before it, and `meanwhile` comes then. */
  endAtSecondTry(balance: string, meanwhile: () => Promise<unknown>): Promise<ChargePointsResponse>;
}

/** Asks a replica for so much under a key; `run` is what it does then, unless it has been answered before. */
type Ask = (
  amount: string,
  idempotencyKey: string,
  run: (flow: Flow) => Promise<ChargePointsResponse>,
) => Promise<ChargePointsResponse>;

/** A database with receipts, and two replicas on it that share nothing else. */
export async function keyedFlowsOn(engine: Engine) {
  const database = await testDatabase(engine, "idempotency", [...receiptsMigrations, effectsMigration]);
  const newReplica = (found: Database = database): Ask => {
    const receipts = new Receipts(found);
    const lane = claimingLane();
    return async (amount, idempotencyKey, run) => {
      const call = new Call({ requestId: `request-${idempotencyKey}-${amount}`, caller, idempotencyKey });
      const ending = (balance: string) => async (tx: Transaction) => {
        await tx.run([insertInto("effects", ["id"], [[call.receipt?.effectId ?? ""]])]);
        return settle(tx, call, create(ChargePointsResponseSchema, { balance }));
      };
      const flow: Flow = {
        begin: async () => lane.submit(call),
        end: (balance) => database.transaction(ending(balance)),
        endAtSecondTry: (balance, meanwhile) => {
          let tries = 0;
          return retryTransaction(ending(balance), async (work) => {
            if (++tries > 1) return database.transaction(work);
            const lost = Object.assign(new Error("Connection lost"), { code: "PROTOCOL_CONNECTION_LOST" });
            const undone = new Error("Not committed");
            await database
              .transaction(async (tx) => work(tx).then(() => Promise.reject(undone)))
              .catch(() => undefined);
            await meanwhile();
            throw lost;
          });
        },
      };
      const request = create(method.input, { memberId: "me", amount });
      return receipts.once(method, request, call, () => run(flow)) as Promise<ChargePointsResponse>;
    };
  };
  const claimingLane = () =>
    new Lane<Call, undefined>((calls) => {
      const receipts = calls.map(({ receipt }) => receipt);
      return database.batch(KeyClaims.load(receipts, database.forUpdate), async ([rows = []]) => {
        const keys = new KeyClaims(rows);
        const result = receipts.map((receipt) => {
          try {
            return { answer: keys.under(receipt, () => undefined) };
          } catch (refusal) {
            return { refusal: refusal as Refusal };
          }
        });
        return { save: keys.statements, result };
      });
    });
  const write = (statement: Statement) => database.transaction((tx) => tx.run([statement]));
  let lastKey = 0;
  return {
    engine,
    database,
    /** Its receipts are looked for in a database that may be this one, with something between. */
    newReplica,
    here: newReplica(),
    other: newReplica(),
    newKey: () => `key ${++lastKey}`,
    /** As if all had happened so long ago, in microseconds. */
    setBack: (by: bigint) => write({ sql: "UPDATE receipts SET created_at = created_at - ?", values: [by] }),
    /** How many there are. */
    effects: async () => (await database.select({ sql: "SELECT id FROM effects", values: [] })).length,
    purge: () => new Receipts(database).purge.run(new AbortController().signal),
    close: () => database.close(),
  };
}

/** A flow that stands still once it has begun, until it is told how to go on. */
export function heldFlow() {
  const reached = Promise.withResolvers<void>();
  const next = Promise.withResolvers<(flow: Flow) => Promise<ChargePointsResponse>>();
  return {
    reached: reached.promise,
    goOn: next.resolve,
    run: async (flow: Flow) => {
      await flow.begin();
      reached.resolve();
      return (await next.promise)(flow);
    },
  };
}
