/// <reference lib="esnext.temporal" />
import { create } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { earliestSeconds, latestSeconds } from "../platform/time.ts";

const bareDate = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/;
const instant = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$/i;

const nanosPerSecond = 1_000_000_000n;

/**
 * Reads an instant as RFC 3339 writes it, to the microsecond; digits beyond are dropped. A bare date is the first
 * microsecond of that day in UTC, or the last one. Undefined where the text is neither, or names no day there is.
 */
export function parseTimestamp(text: string, bareDateIs: "start" | "end"): Timestamp | undefined {
  if (bareDate.test(text)) {
    return parseTimestamp(`${text}T${bareDateIs === "end" ? "23:59:59.999999" : "00:00:00"}Z`, bareDateIs);
  }
  if (!instant.test(text)) return undefined;
  let epochNanos: bigint;
  try {
    epochNanos = Temporal.Instant.from(text).epochNanoseconds;
  } catch {
    return undefined;
  }
  const nanos = ((epochNanos % nanosPerSecond) + nanosPerSecond) % nanosPerSecond;
  const seconds = (epochNanos - nanos) / nanosPerSecond;
  if (seconds < earliestSeconds || seconds > latestSeconds) return undefined;
  return create(TimestampSchema, { seconds, nanos: Number(nanos - (nanos % 1000n)) });
}
