import type { Session } from "./database/database.ts";
import { selectAnswered } from "./receipt.ts";
import { Refusal } from "./refusal.ts";
import type { Call } from "./rpc/call.ts";

/** Thrown when another replica has answered the same request meanwhile; the caller is given that answer instead. */
export class AnsweredElsewhere extends Refusal {
  constructor() {
    super("conflict", { reason: "ANSWERED_ELSEWHERE", message: "This request has been answered" });
  }
}

/**
 * A duplicate under one idempotency key may reach another replica while the first is under way, and find done what it
 * came to do. To be asked, once the rows in question are locked, before that is held against the caller.
 */
export async function refuseIfAnswered(session: Session, { receipt }: Call): Promise<void> {
  if (!receipt) return;
  const [rows] = await session.run([selectAnswered([receipt.id])]);
  if (rows && rows.length > 0) throw new AnsweredElsewhere();
}
