import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { isFinalNo } from "../platform/refusal.ts";
import { Call } from "../platform/rpc/call.ts";
import type { Worker } from "../platform/service.ts";
import { now } from "../platform/time.ts";
import { requestIdOf } from "./domain/batch.ts";
import type { Making } from "./making.ts";
import type { Batches, DueBatch } from "./store/batches.ts";

/** How many cards are made at once. */
const atOnce = 200;

/** For how long a batch is a replica's own, in microseconds: its next cards are made by then, or it has died. */
const ownedFor = 15_000_000n;

/** After how long a batch is taken up again whose cards cannot be made now, in microseconds. */
const pauseFor = 2_000_000n;

export interface BatchMakingParts {
  readonly batches: Batches;
  readonly making: Making;
  readonly log: Logger;
}

/**
 * Makes the cards of batches. Each card is asked for by the batch and its number, so that whoever takes a batch up again
 * makes none twice.
 */
export class BatchMaking {
  private readonly parts: BatchMakingParts;

  constructor(parts: BatchMakingParts) {
    this.parts = parts;
  }

  get worker(): Worker {
    return { name: "make-batches", everyMs: 250, alone: false, run: (signal) => this.run(signal) };
  }

  /** Makes what is due, until nothing is. */
  async run(stopping: AbortSignal): Promise<void> {
    while (!stopping.aborted) {
      const due = await this.parts.batches.due(now());
      if (!due) return;
      const owned = await this.parts.batches.advance(due, now() + ownedFor);
      if (owned) await this.makeAll(owned, stopping);
    }
  }

  private async makeAll(owned: DueBatch, stopping: AbortSignal): Promise<void> {
    let batch: DueBatch | undefined = owned;
    while (batch && !stopping.aborted) batch = await this.makeSome(batch);
    // Whoever comes next need not wait until this replica is taken for dead.
    if (batch) await this.parts.batches.advance(batch, now());
  }

  /** Makes the next cards of a batch; answers it where there are more to be made now. */
  private async makeSome(batch: DueBatch): Promise<DueBatch | undefined> {
    const { batches, making, log } = this.parts;
    const { id, card, count, createdCount } = batch;
    const call = new Call({ requestId: randomUUID() });
    const numbers = Array.from({ length: Math.min(atOnce, count - createdCount) }, (_, one) => createdCount + one + 1);
    const outcomes = await Promise.allSettled(
      numbers.map((number) =>
        making.makeOnce({ ...card, batchId: id, requestId: requestIdOf(batch, number) }, call, () => []),
      ),
    );
    const failures = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
    const refusal = failures.find(isFinalNo);
    if (failures.length > 0) {
      log.warn({ err: refusal ?? failures[0], batchId: String(id) }, "cards of a batch cannot be made now");
    }
    if (refusal) {
      const made = createdCount + outcomes.length - failures.length;
      await batches.advance({ ...batch, status: "failed", createdCount: made, completedAt: now() }, undefined);
      return undefined;
    }
    if (failures.length > 0) {
      await batches.advance(batch, now() + pauseFor);
      return undefined;
    }
    const made = createdCount + numbers.length;
    if (made < count) return batches.advance({ ...batch, createdCount: made }, now() + ownedFor);
    await batches.advance({ ...batch, status: "completed", createdCount: made, completedAt: now() }, undefined);
    return undefined;
  }
}
