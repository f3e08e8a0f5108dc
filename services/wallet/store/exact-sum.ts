/**
 * Sums of money, exact however large: a house account's may go beyond 64 bits, where SQLite's SUM fails. So the upper
 * and the lower halves of the amounts are summed apart, each of which stays far below that for any number of rows.
 */

import type { Row } from "../../platform/database/database.ts";

const half = 2n ** 32n;

/** The columns of a sum of amounts; 0 where there are none. */
export function exactSum(amount: string): string {
  // Both engines cut toward zero, so the remainder has the amount's sign, and the division leaves nothing.
  return `COALESCE(SUM(CAST((${amount} - ${amount} % ${half}) / ${half} AS SIGNED)), 0) AS upper_sum,
          COALESCE(SUM(${amount} % ${half}), 0) AS lower_sum`;
}

/** The sum that a row with the columns of `exactSum` holds. */
export function exactSumOf({ upper_sum, lower_sum }: Row): bigint {
  return (upper_sum as bigint) * half + (lower_sum as bigint);
}
