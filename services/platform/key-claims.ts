import { AnsweredElsewhere } from "./answered-elsewhere.ts";
import type { Row, Statement } from "./database/database.ts";
import { insertClaims, isClaim, type Receipt, selectReceipts } from "./receipt.ts";

/**
 * The idempotency keys that the first steps of one transaction claim. A flow across services is answered in a transaction
 * later than its first, and until then only the claim keeps another request from beginning one under the same key. The
 * same request goes on under it, on whatever replica, and after a crash.
 *
 * Of two replicas that find no claim, both write one: the unique key of the receipts lets one through, and the other looks
 * again, as whoever runs transactions does after a key that was taken.
 */
export class KeyClaims {
  private readonly rows: ReadonlyMap<string, Row>;
  private readonly claimed = new Set<Receipt>();

  /** What reads, and locks, what has become of these keys: after the rows that the steps change, as everybody does. */
  static load(receipts: readonly (Receipt | undefined)[], lock: string): Statement[] {
    const ids = new Map(receipts.flatMap((receipt) => (receipt ? [[nameOf(receipt.id), receipt.id] as const] : [])));
    return ids.size > 0 ? [selectReceipts([...ids.values()], lock)] : [];
  }

  constructor(rows: readonly Row[]) {
    this.rows = new Map(rows.map((row) => [nameOf(row.id as Uint8Array), row]));
  }

  /**
   * Decides a first step under the key of its call, if it has one; where the step is refused, nothing is claimed. Throws
   * IdempotencyKeyReused, and AnsweredElsewhere.
   */
  under<T>(receipt: Receipt | undefined, decide: () => T): T {
    if (!receipt) return decide();
    const row = this.rows.get(nameOf(receipt.id));
    if (row) {
      receipt.check(row);
      if (!isClaim(row)) throw new AnsweredElsewhere();
    }
    const wasClaimed = receipt.claimed;
    receipt.claimed = true;
    try {
      const decided = decide();
      this.claimed.add(receipt);
      return decided;
    } catch (error) {
      receipt.claimed = wasClaimed;
      throw error;
    }
  }

  /** What is to be written, before what ends any of these flows at once. */
  get statements(): Statement[] {
    const isThere = ({ id }: Receipt) => this.rows.has(nameOf(id));
    // In the order that every transaction locks them.
    const claimed = [...this.claimed].sort((a, b) => Buffer.compare(a.id, b.id));
    const absent = claimed.filter((receipt) => !isThere(receipt));
    return [
      ...(absent.length > 0 ? [insertClaims(absent)] : []),
      ...claimed.filter(isThere).map((receipt) => receipt.takingOver()),
    ];
  }
}

function nameOf(id: Uint8Array): string {
  return Buffer.from(id).toString("base64");
}
