import test from "ava";
import { asking } from "./asking.ts";
import { listing } from "./listing.ts";
import type { VoucherHouse } from "./voucher-house.ts";
import { watching } from "./watching.ts";

/** Declares all that the contract says of vouchers, for a house that is open. */
export function declareVouchers(house: VoucherHouse, how: string): void {
  test.after.always(() => house.close());
  asking(house, how);
  watching(house, how);
  listing(house, how);
}
