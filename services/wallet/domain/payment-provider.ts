import { majorUnit } from "../../platform/money.ts";

/** A charge that somebody wants approved. */
export interface Charge {
  /** The same id is the same charge: a provider takes the money once. Its points are the transfer of that id. */
  readonly id: string;
  readonly userId: bigint;
  /** Minor units. */
  readonly amount: bigint;
  /** ISO 4217. */
  readonly currency: string;
}

/** How far a charge has come: the provider is asked, it gave its points, or it never will. */
export type ChargeState = "asked" | "done" | "declined";

/** Takes the money that points are charged with. */
export interface PaymentProvider {
  /** Whether the money has been taken. The same charge again: the same answer, unless it has been cancelled since. */
  approve(charge: Charge): Promise<boolean>;
  /**
   * Gives the money of a charge back, because its points could not be given, and takes none for it from then on. Asked
   * of a charge that was not approved, or was cancelled before, it does nothing more.
   */
  cancel(charge: Charge): Promise<void>;
}

/** Approves up to 10,000 of any major unit, and takes nothing. */
export const developmentProvider: PaymentProvider = {
  approve: async ({ amount, currency }) => amount <= 10_000n * majorUnit(currency),
  cancel: async () => undefined,
};
