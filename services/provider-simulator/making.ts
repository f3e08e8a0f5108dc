import type { Database } from "../platform/database/database.ts";
import type { IdSequence } from "../platform/ids.ts";
import { Lane, type Outcome } from "../platform/lane.ts";
import { Refusal } from "../platform/refusal.ts";
import { now } from "../platform/time.ts";
import { newVoucher, type Pace, type Voucher, type VoucherRequest } from "./domain/voucher.ts";
import type { Behaviours } from "./store/behaviours.ts";
import { insertVouchers, selectByKeys, voucherOf } from "./store/vouchers.ts";

/** Thrown when an `Idempotency-Key` comes again with another request. */
export class KeyReused extends Refusal {
  constructor() {
    super("invalid", { reason: "IDEMPOTENCY_KEY_REUSED", message: "The Idempotency-Key is that of another request" });
  }
}

export interface MakingParts {
  readonly database: Database;
  readonly ids: IdSequence;
  readonly behaviours: Behaviours;
  readonly pace: Pace;
  /** Told of vouchers that are to be called back, before they are committed. */
  readonly onCallbacks: () => void;
}

/** Makes vouchers. The same key again is the same voucher; those that are asked for at once are written together. */
export class Making {
  private readonly parts: MakingParts;
  private readonly lane: Lane<VoucherRequest, Voucher>;

  constructor(parts: MakingParts) {
    this.parts = parts;
    this.lane = new Lane((requests) => this.commit(requests), { database: parts.database });
  }

  /** The voucher of a request. Rejects with KeyReused where its key is another's. */
  make(request: VoucherRequest): Promise<Voucher> {
    return this.lane.submit(request);
  }

  private async commit(requests: readonly VoucherRequest[]): Promise<Outcome<Voucher>[]> {
    const { database, ids, onCallbacks } = this.parts;
    const numbers = await ids.takeMany(requests.length);
    const keys = [...new Set(requests.flatMap(({ key }) => key ?? []))];
    return database.batch(keys.length > 0 ? [selectByKeys(keys)] : [], async ([rows = []]) => {
      const known = new Map(rows.map(voucherOf).map((voucher) => [voucher.key, voucher]));
      const made: Voucher[] = [];
      const outcomes = requests.map((request, index): Outcome<Voucher> => {
        const { key } = request;
        const before = key === undefined ? undefined : known.get(key);
        if (before) return isOf(before, request) ? { answer: before } : { refusal: new KeyReused() };
        const voucher = this.newVoucher(numbers[index] ?? 0n, request);
        made.push(voucher);
        if (key !== undefined) known.set(key, voucher);
        return { answer: voucher };
      });
      if (made.some(({ callback }) => callback === "due")) onCallbacks();
      return { save: made.length > 0 ? [insertVouchers(made)] : [], result: outcomes };
    });
  }

  private newVoucher(id: bigint, request: VoucherRequest): Voucher {
    const { behaviours, pace } = this.parts;
    return newVoucher(id, request, behaviours.current, pace, { now: now(), chance: Math.random() });
  }
}

function isOf(voucher: Voucher, { phoneNumber, callbackUrl }: VoucherRequest): boolean {
  return voucher.phoneNumber === phoneNumber && voucher.callbackUrl === callbackUrl;
}
