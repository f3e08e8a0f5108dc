import { SystemAccount, type Transfer } from "../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import { TransferType } from "../../gen/giftmesh/wallet/v1/transaction_pb.ts";
import type { Call } from "../platform/rpc/call.ts";
import { toInstant } from "../platform/time.ts";
import { type Card, type CardTransaction, effectIdOf, referenceOf } from "./domain/card.ts";
import type { Neighbours } from "./neighbours.ts";

/** The transfers that a card makes by itself; those of its order are made by payment. */
export type TransferKind = "buy" | "redeem" | "change" | "return";

type Account =
  | { readonly case: "userId"; readonly value: bigint }
  | { readonly case: "system"; readonly value: SystemAccount };

/** What a transfer moves from where to where. */
interface Movement {
  readonly debit: Account;
  readonly credit: Account;
  /** Minor units, above zero. */
  readonly amount: bigint;
  readonly type: TransferType;
}

const liability: Account = { case: "system", value: SystemAccount.GIFT_CARD_LIABILITY };
const promotions: Account = { case: "system", value: SystemAccount.PROMOTIONS };

/** Moves a card's value, and says of transfers that they never will be made. */
export class CardMoney {
  private readonly ledger: Neighbours["ledger"];

  constructor(ledger: Neighbours["ledger"]) {
    this.ledger = ledger;
  }

  /** Makes a transfer of a kind, of the present attempt; asking again is the same transfer. */
  async move(card: Card, kind: TransferKind, call: Call): Promise<Transfer> {
    const { debit, credit, amount, type } = movementOf(card, kind);
    const { transfer } = await this.ledger.transfer(
      {
        id: effectIdOf(card, kind),
        debit: { owner: debit },
        credit: { owner: credit },
        amount: { currencyCode: card.currency, minorUnits: amount },
        type,
        reference: referenceOf(card),
      },
      call,
    );
    return known(transfer);
  }

  /** Has such a transfer made never; answers it where it was made before. */
  async void(card: Card, kind: TransferKind, call: Call): Promise<Transfer | undefined> {
    const { transfer } = await this.ledger.voidTransfer({ id: effectIdOf(card, kind) }, call);
    return transfer;
  }

  /** Reads a transfer that was made. */
  async find(id: string, call: Call): Promise<Transfer> {
    const { transfer } = await this.ledger.getTransfer({ id }, call);
    return known(transfer);
  }
}

/** What a transfer did to a wallet, as a card remembers it. */
export function transactionOf({ number, amount, createdAt }: Transfer): CardTransaction {
  if (!amount || !createdAt) throw new Error("The ledger has answered with a transfer of nothing");
  return { id: number, amount: amount.minorUnits, at: toInstant(createdAt) };
}

function movementOf(card: Card, kind: TransferKind): Movement {
  const payer: Account = card.payerId === undefined ? promotions : { case: "userId", value: card.payerId };
  switch (kind) {
    case "buy":
      return bought(payer, card.amount);
    case "redeem":
      return {
        debit: liability,
        credit: { case: "userId", value: redeemerOf(card) },
        amount: card.amount,
        type: TransferType.GIFT_CARD_REDEEM,
      };
    case "return":
      return givenBack(payer, card.amount);
    case "change": {
      const more = (card.newAmount ?? card.amount) - card.amount;
      return more > 0n ? bought(payer, more) : givenBack(payer, -more);
    }
    default:
      return kind satisfies never;
  }
}

function bought(payer: Account, amount: bigint): Movement {
  return { debit: payer, credit: liability, amount, type: TransferType.GIFT_CARD_PURCHASE };
}

function givenBack(payer: Account, amount: bigint): Movement {
  return { debit: liability, credit: payer, amount, type: TransferType.GIFT_CARD_RETURN };
}

function redeemerOf({ redeemedBy }: Card): bigint {
  if (redeemedBy === undefined) throw new Error("A card is redeemed by nobody");
  return redeemedBy;
}

function known(transfer: Transfer | undefined): Transfer {
  if (!transfer) throw new Error("The ledger has answered without the transfer");
  return transfer;
}
