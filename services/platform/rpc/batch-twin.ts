/**
 * A hot RPC `X` has a twin `BatchX` in its service: `{repeated X's request requests}` is answered with `{repeated
 * {oneof outcome {X's response response; google.rpc.Status error}} results}`, one for each, in order. One item's
 * refusal, for a broken rule too, never fails its neighbours.
 */

import { create, type DescMessage, type DescMethod, type Message } from "@bufbuild/protobuf";
import { type Status, StatusSchema } from "../../../gen/google/rpc/status_pb.ts";
import { type FieldViolation, InvalidFields } from "../refusal.ts";
import type { Call } from "./call.ts";
import type { Failure } from "./internal-error.ts";
import { statusOf } from "./status.ts";
import { findViolations } from "./validation.ts";

/** What a BatchX is asked. */
export interface BatchRequest<Request = unknown> {
  readonly requests: Request[];
}

/** What a BatchX answers. */
export interface BatchResponse<Response = unknown> {
  readonly results: BatchResult<Response>[];
}

/** What came of one item. */
export interface BatchResult<Response = unknown> {
  readonly outcome:
    | { readonly case: "response"; readonly value: Response }
    | { readonly case: "error"; readonly value: Status };
}

/** What an item's handler threw, by the status that stands for it until it is known what the caller is told. */
const thrown = new WeakMap<Status, unknown>();

/** BatchX of X; none for an RPC that has no twin. */
export function batchOf(method: DescMethod): DescMethod | undefined {
  return method.parent.methods.find((one) => one.name === `Batch${method.name}`);
}

/** Whether an RPC is the BatchX of an X. */
export function isBatch(method: DescMethod): boolean {
  return method.parent.methods.some((one) => method.name === `Batch${one.name}`);
}

/** Makes the handler of BatchX from that of X: runs all items at once. */
export function inBatches<Request, Response>(
  handle: (request: Request, call: Call) => Promise<Response>,
): (batch: BatchRequest<Request>, call: Call) => Promise<BatchResponse<Response>> {
  const settle = async (request: Request, call: Call): Promise<BatchResult<Response>> => {
    try {
      return { outcome: { case: "response", value: await handle(request, call) } };
    } catch (error) {
      const value = create(StatusSchema);
      thrown.set(value, error);
      return { outcome: { case: "error", value } };
    }
  };
  return async ({ requests }, call) => ({ results: await Promise.all(requests.map((one) => settle(one, call))) });
}

/**
 * Runs a batch's handler with those of its items that are valid, and refuses the others each by itself; `tell` says
 * what the caller is told of whatever an item's handler threw. Throws InvalidFields where the batch as a whole breaks
 * a rule: it is empty, or too long.
 */
export async function runBatch<B extends Message & BatchRequest>(
  schema: DescMessage,
  batch: B,
  handle: (batch: B) => Promise<BatchResponse>,
  tell: (error: unknown) => Failure,
): Promise<BatchResponse> {
  const refusals = refuseItems(findViolations(schema, batch));
  const valid = refusals.size === 0 ? batch : { ...batch, requests: batch.requests.filter((_, i) => !refusals.has(i)) };
  const results = valid.requests.length > 0 ? [...(await handle(valid)).results] : [];
  for (const [index, { outcome }] of results.entries()) {
    if (outcome.case !== "error" || !thrown.has(outcome.value)) continue;
    results[index] = refused(tell(thrown.get(outcome.value)));
  }
  for (const [index, refusal] of refusals) results.splice(index, 0, refused(refusal));
  return { results };
}

/** The refusals of single items, in their order; `requests.3.amount` is the field `amount` of item 3. */
function refuseItems(violations: readonly FieldViolation[]): Map<number, InvalidFields> {
  const byItem = Map.groupBy(violations, ({ field }) => Number(/^requests\.(\d+)\./.exec(field)?.[1]));
  const ofTheWhole = byItem.get(Number.NaN);
  if (ofTheWhole) throw new InvalidFields(ofTheWhole);
  const inOrder = [...byItem].sort(([a], [b]) => a - b);
  return new Map(
    inOrder.map(([index, own]) => {
      const prefix = `requests.${index}.`.length;
      return [index, new InvalidFields(own.map((one) => ({ ...one, field: one.field.slice(prefix) })))];
    }),
  );
}

function refused(failure: Failure): BatchResult<never> {
  return { outcome: { case: "error", value: statusOf(failure) } };
}
