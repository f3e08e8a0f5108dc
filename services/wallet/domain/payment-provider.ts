import { majorUnit } from "../../platform/money.ts";

/** A charge that somebody wants approved. */
export interface Charge {
  /** The same id is the same charge: a provider takes the money once. */
  readonly id: string;
  readonly userId: bigint;
  /** Minor units. */
  readonly amount: bigint;
  /** ISO 4217. */
  readonly currency: string;
}

/** Takes the money that points are charged with. */
export interface PaymentProvider {
  /** Whether the money has been taken. */
  approve(charge: Charge): Promise<boolean>;
  /** Gives the money of an approved charge back, because its points could not be given. */
  cancel(charge: Charge): Promise<void>;
}

/** Approves up to 10,000 of any major unit, and takes nothing. */
export const developmentProvider: PaymentProvider = {
  approve: async ({ amount, currency }) => amount <= 10_000n * majorUnit(currency),
  cancel: async () => undefined,
};
