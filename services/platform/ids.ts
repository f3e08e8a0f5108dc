import type { Database } from "./database/database.ts";

/** Ids are taken from the database so many at a time; what is left of a block when the process ends is lost. */
const usualBlock = 1_000n;

/**
 * Gives ids from 1: unique whatever the number of replicas, small, and known before the row is inserted. May be asked
 * inside a transaction: the database keeps its sequences apart.
 */
export class IdSequence {
  private readonly database: Database;
  private readonly name: string;
  private readonly blockSize: bigint;
  private next = 0n;
  private end = 0n;
  private refilling: Promise<void> | undefined;

  /** A sequence that gives thousands of ids a second wants larger blocks. */
  constructor(database: Database, name: string, blockSize = usualBlock) {
    this.database = database;
    this.name = name;
    this.blockSize = blockSize;
  }

  /** At once while some are left of the block, later where the next must be taken first. */
  take(): bigint | Promise<bigint> {
    return this.next === this.end ? this.takeOfNextBlock() : this.next++;
  }

  async takeMany(count: number): Promise<bigint[]> {
    const ids: bigint[] = [];
    while (ids.length < count) {
      if (this.next === this.end) await this.refill();
      else ids.push(this.next++);
    }
    return ids;
  }

  private async takeOfNextBlock(): Promise<bigint> {
    while (this.next === this.end) await this.refill();
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
  }
}
