import { StockService } from "../../gen/giftmesh/catalog/v1/stock_service_pb.ts";
import { GiftCardOrderService } from "../../gen/giftmesh/payment/v1/gift_card_order_service_pb.ts";
import { LedgerService } from "../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import { Refusal } from "../platform/refusal.ts";
import type { Client, Clients } from "../platform/rpc/handler.ts";

/** The services that a card's value goes through. */
export interface Neighbours {
  readonly ledger: Client<typeof LedgerService>;
  readonly orders: Client<typeof GiftCardOrderService>;
  readonly stock: Client<typeof StockService>;
}

export function neighboursOf(clients: Clients): Neighbours {
  return {
    ledger: clients.of(LedgerService),
    orders: clients.of(GiftCardOrderService),
    stock: clients.of(StockService),
  };
}

/** Whether an error says that somebody has had this transfer made never. */
export function isVoided(error: unknown): boolean {
  return error instanceof Refusal && error.reason === "TRANSFER_VOIDED";
}
