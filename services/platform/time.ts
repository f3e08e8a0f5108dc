import type { Timestamp } from "@bufbuild/protobuf/wkt";

/** Microseconds since 1970, as the database keeps instants. */
export type Instant = bigint;

export const microsecondsPerSecond = 1_000_000n;

/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z: what a google.protobuf.Timestamp can hold. */
export const earliestSeconds = -62_135_596_800n;
export const latestSeconds = 253_402_300_799n;

/** This instant, by this machine's clock. */
export function now(): Instant {
  return BigInt(Date.now()) * 1_000n;
}

export function toTimestamp(instant: Instant): Pick<Timestamp, "$typeName" | "seconds" | "nanos"> {
  const rest = instant % microsecondsPerSecond;
  // A timestamp's nanos count forward, before 1970 too.
  const microseconds = rest < 0n ? rest + microsecondsPerSecond : rest;
  return {
    $typeName: "google.protobuf.Timestamp",
    seconds: (instant - microseconds) / microsecondsPerSecond,
    nanos: Number(microseconds) * 1_000,
  };
}

/** Cuts what is finer than a microsecond. */
export function toInstant(timestamp: Pick<Timestamp, "seconds" | "nanos">): Instant {
  return timestamp.seconds * microsecondsPerSecond + BigInt(Math.trunc(timestamp.nanos / 1_000));
}

/** How long a request is known by its idempotency key, and by what it has led to: a day, in microseconds. */
export const requestKnownFor = 86_400n * microsecondsPerSecond;

/** Whether a request of an instant is still known: the same one, should it come now, is no new one. */
export function isRequestKnown(since: Instant, now: Instant): boolean {
  return now - since < requestKnownFor;
}
