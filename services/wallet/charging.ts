/**
 * A charge asks the payment provider for money, and gives points for it. Nobody can do both at once, so that the
 * provider is asked is kept before it is, and that the points are given together with the transfer that gives them.
 * What a crash, or an answer that never came, leaves between the two is given up: the transfer is voided, so that it
 * can never come after all, and then the money is given back. Whoever gives up and whoever goes on may race: the
 * transfer's id belongs to one of them.
 */

import type { Statement } from "../platform/database/database.ts";
import { isFinalNo } from "../platform/refusal.ts";
import type { Worker } from "../platform/service.ts";
import { microsecondsPerSecond, now } from "../platform/time.ts";
import { ChargeDeclined, TransferVoided } from "./domain/errors.ts";
import type { Charge, PaymentProvider } from "./domain/payment-provider.ts";
import type { Transfer } from "./domain/transfer.ts";
import type { Ledger } from "./ledger.ts";
import { type ChargeRequest, type Charges, chargeIsDone } from "./store/charges.ts";

/** Longer than any call waits. That it is told by the clocks of the replicas does no harm: it may only be too early. */
const abandonedAfter = 30n * microsecondsPerSecond;

/** Abandoned charges that are looked for at once. */
const mostAtOnce = 1_000n;

/** What asks for a charge: its idempotency key is claimed before the provider is asked. */
export interface ChargeOptions extends ChargeRequest {
  /** What is to be written with the transfer. */
  readonly beside?: (transfer: Transfer) => readonly Statement[];
}

/** Charges wallets with what the payment provider takes. */
export class Charging {
  private readonly ledger: Ledger;
  private readonly charges: Charges;
  private readonly provider: PaymentProvider;

  constructor(ledger: Ledger, charges: Charges, provider: PaymentProvider) {
    this.ledger = ledger;
    this.charges = charges;
    this.provider = provider;
  }

  /**
   * Makes a charge, or answers the one that was asked for by that id in the last day. Throws ChargeDeclined, or what else
   * the transfer is refused for.
   */
  async charge(asked: Charge, { beside, ...request }: ChargeOptions = {}): Promise<Transfer> {
    const { charge, state } = await this.charges.ask(asked, request);
    if (state === "declined") throw new ChargeDeclined();
    if (!(await this.provider.approve(charge))) {
      await this.charges.decline(charge);
      throw new ChargeDeclined();
    }
    const { id, userId, amount, currency } = charge;
    const transfer = {
      id,
      debit: { kind: "top_ups" },
      credit: { kind: "wallet", userId },
      amount,
      currency,
      type: "charge",
      reference: "",
      beside: (made: Transfer) => [chargeIsDone(charge), ...(beside?.(made) ?? [])],
    } as const;
    try {
      return await this.ledger.transfer(transfer, request.deadline);
    } catch (error) {
      // Whether a transfer that was not answered has been made is not known now; the worker will find out.
      if (!isFinalNo(error)) throw error;
      await this.giveUp(charge);
      throw error instanceof TransferVoided ? new ChargeDeclined() : error;
    }
  }

  /** Gives up what was abandoned. */
  get recovery(): Worker {
    return {
      name: "give-up-abandoned-charges",
      everyMs: 5_000,
      alone: true,
      run: (signal) => this.giveUpAbandoned(signal),
    };
  }

  private async giveUpAbandoned(signal: AbortSignal): Promise<void> {
    const abandoned = await this.charges.askedBefore(now() - abandonedAfter, mostAtOnce);
    const failures: unknown[] = [];
    for (const charge of abandoned) {
      if (signal.aborted) return;
      // One that the provider fails on does not keep the others waiting.
      await this.giveUp(charge).catch((error) => failures.push(error));
    }
    if (failures.length > 0) throw new AggregateError(failures, `${failures.length} charges could not be given up`);
  }

  /** Sees to it that a charge never gives its points, and gives its money back; unless it has given them. */
  private async giveUp(charge: Charge): Promise<void> {
    if (await this.ledger.void(charge.id)) return;
    await this.provider.cancel(charge);
    await this.charges.decline(charge);
  }
}
