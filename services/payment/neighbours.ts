import { StockService } from "../../gen/giftmesh/catalog/v1/stock_service_pb.ts";
import { CouponUseService } from "../../gen/giftmesh/voucher/v1/coupon_use_service_pb.ts";
import { LedgerService } from "../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import { Refusal } from "../platform/refusal.ts";
import type { Client, Clients } from "../platform/rpc/handler.ts";

/** The services that an order needs. */
export interface Neighbours {
  readonly stock: Client<typeof StockService>;
  readonly coupons: Client<typeof CouponUseService>;
  readonly ledger: Client<typeof LedgerService>;
}

export function neighboursOf(clients: Clients): Neighbours {
  return {
    stock: clients.of(StockService),
    coupons: clients.of(CouponUseService),
    ledger: clients.of(LedgerService),
  };
}

/** Whether an error says that somebody has had this transfer made never. */
export function isVoided(error: unknown): boolean {
  return error instanceof Refusal && error.reason === "TRANSFER_VOIDED";
}

/** Whether an error says that somebody has had this hold, or this use of a coupon, made never. */
export function isEnded(error: unknown): boolean {
  return error instanceof Refusal && (error.reason === "HOLD_ENDED" || error.reason === "COUPON_USE_ENDED");
}
