import { create } from "@bufbuild/protobuf";
import {
  LedgerService,
  type TransferRequest,
  TransferRequestSchema,
} from "../../../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import { TransferType } from "../../../../gen/giftmesh/wallet/v1/transaction_pb.ts";
import { inBatches } from "../batch-twin.ts";
import type { Handler, Handlers, Served } from "../handler.ts";
import { serveOnly } from "./serve-only.ts";

type TransferHandler = Handler<typeof LedgerService.method.transfer>;

/** A ledger of nothing but one way to transfer, to call in tests; and whatever else is given. */
export function serveTransfers(
  transfer: TransferHandler,
  others: Partial<Handlers<typeof LedgerService>> = {},
): Served {
  return serveOnly(LedgerService, { transfer, batchTransfer: inBatches(transfer), ...others });
}

/** Answers with the transfer's id and reference. */
export const echo: TransferHandler = async ({ id, reference }) => ({ transfer: { id, reference } });

/** A transfer that breaks no rule, but for what is given. */
export function transferRequest(changes: { readonly id?: string; readonly reference?: string } = {}): TransferRequest {
  return create(TransferRequestSchema, {
    id: "test-1",
    debit: { owner: { case: "userId", value: 1n } },
    credit: { owner: { case: "userId", value: 2n } },
    amount: { currencyCode: "SAR", minorUnits: 100n },
    type: TransferType.PAYMENT,
    ...changes,
  });
}
