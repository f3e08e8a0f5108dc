import type { Database } from "./database/database.ts";

/** Ids are taken from the database so many at a time; what is left of a block is lost. */
const usualBlock = 1_000n;

/** How long ids are given from one block, in milliseconds. */
const blockLastsMs = 1_000;

/**
 * Gives ids from 1: unique whatever the number of replicas, small, and known before the row is inserted. What is made more
 * than a second later has the greater id, on whichever replica: lists that sort by ids have the newest first. May be asked
 * inside a transaction: the database keeps its sequences apart.
 */
export class IdSequence {
  private readonly database: Database;
  private readonly name: string;
  private readonly blockSize: bigint;
  private readonly clock: () => number;
  private next = 0n;
  private end = 0n;
  /** By the clock. */
  private goodUntil = 0;
  private refilling: Promise<void> | undefined;

  /** A sequence that gives thousands of ids a second wants larger blocks. The clock is never set, and counts milliseconds. */
  constructor(database: Database, name: string, blockSize = usualBlock, clock = () => performance.now()) {
    this.database = database;
    this.name = name;
    this.blockSize = blockSize;
    this.clock = clock;
  }

  /** At once while some are left of the block, later where the next must be taken first. */
  take(): bigint | Promise<bigint> {
    return this.isUsedUp ? this.takeOfNextBlock() : this.next++;
  }

  async takeMany(count: number): Promise<bigint[]> {
    const ids: bigint[] = [];
    while (ids.length < count) {
      if (this.isUsedUp) await this.refill();
      else ids.push(this.next++);
    }
    return ids;
  }

  private get isUsedUp(): boolean {
    return this.next === this.end || this.clock() >= this.goodUntil;
  }

  private async takeOfNextBlock(): Promise<bigint> {
    while (this.isUsedUp) await this.refill();
    return this.next++;
  }

  private refill(): Promise<void> {
    this.refilling ??= this.takeBlock().finally(() => {
      this.refilling = undefined;
    });
    return this.refilling;
  }

  private async takeBlock(): Promise<void> {
    const first = await this.database.takeNumbers(this.name, this.blockSize);
    this.next = first;
    this.end = first + this.blockSize;
    // From now on, and not from when it was asked for: that may be longer ago where the database is slow.
    this.goodUntil = this.clock() + blockLastsMs;
  }
}
