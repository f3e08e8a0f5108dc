import type { Deliveries, Head } from "./deliveries.ts";
import type { Delivery } from "./delivery.ts";

/** How many users are looked at together. */
const mostUsers = 64;

/** Of those, so many at most because something of theirs is new, or may be: the others are not to wait for ever. */
const mostFresh = 48;

/** How many are read at a time, of what was added, and of the users who wait. */
const mostRead = 1_000;

/**
 * Whose turn it is: of every user one delivery at a time, the first that waits. Who has something new comes before those
 * who have waited for longer (after a crash, a failure or a replay), so that a long replay does not hold up what happens
 * now; but what happens now to one user comes after what that user is still to be sent.
 */
export class Turns {
  private readonly deliveries: Deliveries;
  private readonly everyMs: number;
  /** Who has something new, the longest waiting first. */
  private readonly news = new Set<bigint>();
  /** Who has more, after what was sent last. */
  private readonly again = new Set<bigint>();
  /** Whose delivery is in `ready` or under way. */
  private readonly busy = new Set<bigint>();
  /** Who has more after that. */
  private readonly more = new Set<bigint>();
  private ready: Head[] = [];
  /** When they are to be read again, by a clock that is never set: a replay may have put back what comes before them. */
  private readAgainAt = 0;
  /** What was added up to here has been seen. */
  private seenPlace: bigint | undefined;
  private hasNews = true;
  private lookAt = 0;
  /** Users who wait, as the scan of them all has found them, and where it goes on. */
  private waiting: bigint[] = [];
  private scannedUser = 0n;
  private scanAt = 0;

  /** `everyMs`: how often it looks for what was not announced. */
  constructor(deliveries: Deliveries, everyMs: number) {
    this.deliveries = deliveries;
    this.everyMs = everyMs;
  }

  /** Says that something was added. */
  announce(): void {
    this.hasNews = true;
  }

  /** The next deliveries to be tried, so many at most; none where nothing is due. */
  async take(count: number): Promise<readonly Delivery[]> {
    if (this.ready.length > 0 && performance.now() >= this.readAgainAt) {
      await this.read(this.ready.splice(0).map(({ userId }) => userId));
    }
    while (this.ready.length === 0 && (await this.hasCandidates())) await this.read(this.nextUsers());
    return this.ready.splice(0, count);
  }

  /** Says that a user's delivery is over and done with: the next one may follow. */
  finish({ userId }: Delivery): void {
    this.busy.delete(userId);
    if (this.more.delete(userId)) this.again.add(userId);
  }

  /** Says that a user's delivery was not tried: it is the next one still. */
  leave({ userId }: Delivery): void {
    this.busy.delete(userId);
    this.more.delete(userId);
    this.again.add(userId);
  }

  /** Says that a user's delivery is to be tried again; the scan finds it when it is due. */
  postpone({ userId }: Delivery): void {
    this.busy.delete(userId);
    this.more.delete(userId);
  }

  /** Reads what is due of these users, who are busy then, and no others. */
  private async read(userIds: readonly bigint[]): Promise<void> {
    this.readAgainAt = performance.now() + this.everyMs;
    for (const userId of userIds) {
      this.busy.delete(userId);
      this.more.delete(userId);
    }
    this.ready = await this.deliveries.dueHeads(userIds);
    for (const { userId, hasMore } of this.ready) {
      this.busy.add(userId);
      if (hasMore) this.more.add(userId);
    }
  }

  private async hasCandidates(): Promise<boolean> {
    if (this.news.size < mostFresh) await this.look();
    if (this.waiting.length === 0) await this.scan();
    return this.news.size > 0 || this.again.size > 0 || this.waiting.length > 0;
  }

  /** Users to look at next, none of whom is busy. */
  private nextUsers(): bigint[] {
    const users = new Set<bigint>();
    for (const some of [this.news, this.again]) {
      for (const userId of some) {
        if (users.size === mostFresh) break;
        some.delete(userId);
        if (this.busy.has(userId)) this.more.add(userId);
        else users.add(userId);
      }
    }
    for (const userId of this.waiting.splice(0, mostUsers - users.size)) {
      if (!this.busy.has(userId)) users.add(userId);
    }
    return [...users];
  }

  /** Finds out whose deliveries were added since it looked last. */
  private async look(): Promise<void> {
    if (!this.hasNews && performance.now() < this.lookAt) return;
    // Whatever was there before the first look is found by the first scan.
    this.seenPlace ??= await this.deliveries.lastPlace();
    this.hasNews = false;
    this.lookAt = performance.now() + this.everyMs;
    const added = await this.deliveries.addedAfter(this.seenPlace, mostRead);
    for (const { place, userId } of added) {
      this.seenPlace = place;
      this.news.add(userId);
    }
    if (added.length === mostRead) this.hasNews = true;
  }

  /** Reads on in the users who wait; a scan that has come to its end begins again a while after. */
  private async scan(): Promise<void> {
    if (performance.now() < this.scanAt) return;
    this.waiting = await this.deliveries.waitingUsers(this.scannedUser, mostRead);
    this.scannedUser = this.waiting.at(-1) ?? 0n;
    if (this.waiting.length < mostRead) {
      this.scannedUser = 0n;
      this.scanAt = performance.now() + this.everyMs;
    }
  }
}
