import { shownTime } from "./front.ts";
import { shownAmount } from "./order-shapes.ts";

/** Amounts are in minor units, instants in microseconds since 1970. */
export interface CardRow {
  readonly id: number;
  readonly gift_type: string;
  readonly currency: string;
  readonly amount: number;
  readonly search_key: Buffer;
  readonly sealed_code: Buffer;
  readonly code_last4: string;
  readonly sender_id: number;
  readonly sender_name: string;
  readonly recipient_name: string | null;
  readonly recipient_email: string | null;
  readonly recipient_number: string | null;
  readonly message: string | null;
  readonly status: string;
  readonly method: string;
  readonly redeemed_at: number | null;
  readonly transaction_id: number | null;
  readonly expires_at: number | null;
  readonly created_at: number;
  readonly updated_at: number;
}

const labels: Readonly<Record<string, string>> = {
  active: "Active",
  used: "Used",
  expired: "Expired",
  cancelled: "Cancelled",
};

/** A `wallet` card, as the HTTP contract shows it to who may see its code. */
export function shownCard(card: CardRow, code: string) {
  const { currency, status } = card;
  const amount = shownAmount(card.amount);
  return {
    id: card.id,
    code,
    code_last4: card.code_last4,
    gift_type: card.gift_type,
    gift_type_label: "Wallet Credit",
    amount,
    currency,
    background_color: null,
    background_image: null,
    message: card.message,
    recipient_name: card.recipient_name,
    recipient_email: card.recipient_email,
    recipient_number: card.recipient_number,
    sender: { id: card.sender_id, name: card.sender_name },
    vendor_id: null,
    product_id: null,
    offer_id: null,
    status,
    status_label: labels[status],
    redemption_method: card.method,
    wallet_transaction: card.transaction_id && {
      id: card.transaction_id,
      amount,
      currency,
      type: "credit",
      status: "completed",
      created_at: card.redeemed_at && shownTime(card.redeemed_at),
    },
    order: null,
    redeemed_at: card.redeemed_at && shownTime(card.redeemed_at),
    expires_at: card.expires_at && shownTime(card.expires_at),
    created_at: shownTime(card.created_at),
    updated_at: shownTime(card.updated_at),
  };
}
