import type { Knex } from "knex";
import { settings } from "./settings.ts";

/** Runs one step of a request. */
export type Step = <T>(work: (trx: Knex.Transaction) => Promise<T>) => Promise<T>;

/**
 * Runs the steps of a request: in one transaction, as long as one database has all of it; or stepwise, each in a transaction
 * of its own, as where each is another service's.
 */
export function inSteps<T>(knex: Knex, request: (step: Step) => Promise<T>): Promise<T> {
  if (settings.stepwise) return request((work) => knex.transaction(work));
  return knex.transaction((trx) => request((work) => work(trx)));
}
