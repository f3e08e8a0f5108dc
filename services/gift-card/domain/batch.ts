import { Refusal } from "../../platform/refusal.ts";
import type { Instant } from "../../platform/time.ts";
import type { Beginning } from "./steps.ts";

/** How long the codes of a batch can be fetched, in microseconds: an hour. */
const codesKeptFor = 3_600_000_000n;

export type BatchStatus = "processing" | "completed" | "failed";

/** What all cards of a batch have in common. */
export type BatchCard = Omit<Beginning, "id" | "code" | "requestId" | "batchId">;

/** Cards that are made together. */
export interface Batch {
  readonly id: bigint;
  /** The admin who ordered it. */
  readonly adminId: bigint;
  readonly status: BatchStatus;
  readonly card: BatchCard;
  /** How many cards were ordered. */
  readonly count: number;
  /** How many of them were made, the first ones. */
  readonly createdCount: number;
  readonly createdAt: Instant;
  /** When nothing more was to be made. */
  readonly completedAt: Instant | undefined;
}

/** What asks for one card of a batch, from 1: asking again is the same card. */
export function requestIdOf({ id }: Pick<Batch, "id">, number: number): string {
  return `batch-${id}-${number}`;
}

/** Until when a batch's codes can be fetched; undefined where they cannot yet. */
export function codesExpireAt({ completedAt }: Pick<Batch, "completedAt">): Instant | undefined {
  return completedAt === undefined ? undefined : completedAt + codesKeptFor;
}

/** Thrown when the codes of a batch are asked for whose cards are still being made. */
export class BatchNotCompleted extends Refusal {
  constructor() {
    super("rule", { reason: "GIFT_CARD_BATCH_NOT_COMPLETED", message: "The gift cards are still being created" });
  }
}
