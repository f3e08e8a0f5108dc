import type { Statement } from "../../platform/database/database.ts";
import type { Call } from "../../platform/rpc/call.ts";

/** What writes the answer beside a card's last step, where the caller gave an idempotency key. */
export function settling({ receipt }: Call, answer: () => object): readonly Statement[] {
  return receipt?.settling(answer()) ?? [];
}
