import type { Happening } from "./shop.ts";

/** Orders that are paid, so many for each of so many users, the users in turn. */
export function orders(users: number, each: number): Happening[] {
  return Array.from({ length: users * each }, (_, index) => ({ orderId: index + 1, userId: (index % users) + 1 }));
}
