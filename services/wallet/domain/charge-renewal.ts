import type { Instant } from "../../platform/time.ts";
import type { Charge } from "./payment-provider.ts";

/** How long a charge's id is known by what asked for it, in microseconds: a day, as the answer to a request is. */
const requestKnownFor = 86_400_000_000n;

/** Whether the request that asked for a charge, should it come again, means that one. */
export function isStillRequested(askedAt: Instant, now: Instant): boolean {
  return now - askedAt < requestKnownFor;
}

/** The charge that is meant by what asked for it, once that has come again so often after its day. */
export function renewed(charge: Charge, renewals: bigint): Charge {
  return renewals === 0n ? charge : { ...charge, id: renewedId(charge.id, renewals) };
}

/** The id of the charge that takes the place of one of this id: the same, whoever makes it. */
export function renewedId(id: string, renewals: bigint): string {
  return `${id}-${renewals}`;
}
