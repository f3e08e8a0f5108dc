import { SystemAccount, type Transfer } from "../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import { TransferType } from "../../gen/giftmesh/wallet/v1/transaction_pb.ts";
import { Refusal } from "../platform/refusal.ts";
import type { Call } from "../platform/rpc/call.ts";
import { effectIdOf, type Order, type TransferKind, transferIdOf } from "./domain/order.ts";
import type { Neighbours } from "./neighbours.ts";

/** The two sides of a transfer. */
interface Sides {
  readonly debit:
    | { readonly case: "userId"; readonly value: bigint }
    | { readonly case: "system"; readonly value: SystemAccount };
  readonly credit: Sides["debit"];
}

/** Moves an order's money, and says of transfers that they never will be made. */
export class OrderMoney {
  private readonly ledger: Neighbours["ledger"];

  constructor(ledger: Neighbours["ledger"]) {
    this.ledger = ledger;
  }

  /** Makes the present attempt's transfer of a kind; asking again is the same transfer. */
  async move(order: Order, kind: TransferKind, call: Call): Promise<Transfer> {
    return this.transfer(
      transferIdOf(order, kind),
      order,
      sidesOf(order, kind),
      amountOf(order, kind),
      typeOf(order, kind),
      call,
    );
  }

  /** Has the present attempt's transfer of a kind made never; answers it where it was made before. */
  async void(order: Order, kind: TransferKind, call: Call): Promise<Transfer | undefined> {
    const { transfer } = await this.ledger.voidTransfer({ id: transferIdOf(order, kind) }, call);
    return transfer;
  }

  /** What the buyer's wallet of the order's currency holds, in minor units; nothing where there is none. */
  async balance({ userId, currency }: Order, call: Call): Promise<bigint> {
    try {
      const key = { case: "userId", value: userId } as const;
      const { wallet } = await this.ledger.getWallet({ key, currencyCode: currency }, call);
      return wallet?.balance?.minorUnits ?? 0n;
    } catch (error) {
      if (error instanceof Refusal && error.kind === "not_found") return 0n;
      throw error;
    }
  }

  /** Undoes the present attempt's payment, whether or not it was made: it never will be, or goes back. */
  async takeBack(order: Order, call: Call): Promise<void> {
    if (order.total === 0n || !(await this.void(order, "pay", call))) return;
    const { debit, credit } = sidesOf(order, "pay");
    const sides = { debit: credit, credit: debit };
    await this.transfer(`${transferIdOf(order, "pay")}-back`, order, sides, order.total, TransferType.REFUND, call);
  }

  private async transfer(
    id: string,
    order: Order,
    { debit, credit }: Sides,
    amount: bigint,
    type: TransferType,
    call: Call,
  ) {
    const { transfer } = await this.ledger.transfer(
      {
        id,
        debit: { owner: debit },
        credit: { owner: credit },
        amount: { currencyCode: order.currency, minorUnits: amount },
        type,
        reference: effectIdOf(order),
      },
      call,
    );
    if (!transfer) throw new Error("The ledger has answered without the transfer");
    return transfer;
  }
}

function sidesOf({ userId, payer }: Order, kind: TransferKind): Sides {
  const wallet = { case: "userId", value: userId } as const;
  const sales = { case: "system", value: SystemAccount.SALES } as const;
  const liability = { case: "system", value: SystemAccount.GIFT_CARD_LIABILITY } as const;
  switch (kind) {
    case "pay":
      return { debit: payer.method === "gift_card" ? liability : wallet, credit: sales };
    case "rest":
      return { debit: liability, credit: wallet };
    case "refund":
      return { debit: sales, credit: wallet };
    default:
      return kind satisfies never;
  }
}

function amountOf({ total, payer }: Order, kind: TransferKind): bigint {
  return kind === "rest" && payer.method === "gift_card" ? payer.cardAmount - total : total;
}

function typeOf({ payer }: Order, kind: TransferKind): TransferType {
  if (kind === "refund") return TransferType.REFUND;
  return payer.method === "gift_card" ? TransferType.GIFT_CARD_REDEEM : TransferType.PAYMENT;
}
