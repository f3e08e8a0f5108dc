import { parseArgs } from "node:util";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ReplayDeliveriesRequestSchema } from "../gen/giftmesh/payment/v1/data_platform_service_pb.ts";
import { type Instant, toTimestamp } from "./platform/time.ts";

export type ReplayRequest = MessageInitShape<typeof ReplayDeliveriesRequestSchema>;

/** Thrown when an argument cannot be read; the message is one line. */
export class ArgumentError extends Error {}

const usage = "npm run replay -- --from 2026-11-01T00:00:00Z [--to …], or npm run replay -- --dead";

/** Reads the arguments of a replay. Throws an ArgumentError that says what is wrong with them. */
export function readReplayRequest(args: readonly string[]): ReplayRequest {
  const { from, to, dead } = readOptions(args);
  if (dead) {
    if (from !== undefined || to !== undefined) throw new ArgumentError(`--dead stands alone: ${usage}`);
    return { selection: { case: "dead", value: true } };
  }
  if (from === undefined) throw new ArgumentError(`--from or --dead is needed: ${usage}`);
  const [start, end] = [readInstant("--from", from), to === undefined ? undefined : readInstant("--to", to)];
  if (end !== undefined && end < start) throw new ArgumentError("--to: must not be before --from");
  return {
    selection: { case: "from", value: toTimestamp(start) },
    ...(end !== undefined && { to: toTimestamp(end) }),
  };
}

function readOptions(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: { from: { type: "string" }, to: { type: "string" }, dead: { type: "boolean", default: false } },
    }).values;
  } catch (error) {
    throw new ArgumentError(`${(error as Error).message}: ${usage}`);
  }
}

/** Reads an instant by RFC 3339, to the microsecond. */
function readInstant(name: string, text: string): Instant {
  const [, toSecond = "", fraction = "", zone] =
    /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,6}))?(Z|[+-]\d{2}:\d{2})$/.exec(text) ?? [];
  const milliseconds = Date.parse(`${toSecond}${zone}`);
  if (Number.isNaN(milliseconds) || !isOnCalendar(toSecond)) {
    throw new ArgumentError(`${name}: must be an instant such as 2026-11-01T00:00:00Z, not "${text}"`);
  }
  return BigInt(milliseconds) * 1_000n + BigInt(fraction.padEnd(6, "0"));
}

/** Date.parse takes the 30th of February for the 2nd of March. */
function isOnCalendar(toSecond: string): boolean {
  return new Date(`${toSecond}Z`).toISOString().startsWith(toSecond);
}
