import { Refusal } from "../../refusal.ts";

/** Everything that a caller can see of a failure, its class aside. */
export function visible(error: unknown): object {
  if (error instanceof Refusal) {
    const { kind, reason, message, fields, retryAfterSeconds, requestId } = error;
    return { kind, reason, message, fields, retryAfterSeconds, requestId };
  }
  return error instanceof Error ? { name: error.name, message: error.message } : { error };
}

/** What a call fails with. Throws where it does not. */
export async function failureOfCall(call: Promise<unknown>): Promise<unknown> {
  const answer = await call.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ("error" in answer) return answer.error;
  throw new Error(`No failure, but ${String(answer.value)}`);
}
