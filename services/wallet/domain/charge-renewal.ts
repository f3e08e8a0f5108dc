import type { Charge } from "./payment-provider.ts";

/** The charge that is meant by what asked for it, once that has come again so often after its day. */
export function renewed(charge: Charge, renewals: bigint): Charge {
  return renewals === 0n ? charge : { ...charge, id: renewedId(charge.id, renewals) };
}

/** The id of the charge that takes the place of one of this id: the same, whoever makes it. */
export function renewedId(id: string, renewals: bigint): string {
  return `${id}-${renewals}`;
}
