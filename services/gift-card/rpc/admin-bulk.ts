import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type AdminGiftCardService,
  type GiftCardBatchSchema,
  GiftCardBatchStatus,
} from "../../../gen/giftmesh/giftcard/v1/admin_gift_card_service_pb.ts";
import type { Database } from "../../platform/database/database.ts";
import { settle } from "../../platform/idempotency.ts";
import type { IdSequence } from "../../platform/ids.ts";
import { instantText } from "../../platform/instant-text.ts";
import { formatAmount } from "../../platform/money.ts";
import { NotFound } from "../../platform/refusal.ts";
import type { Handlers } from "../../platform/rpc/handler.ts";
import { now, toTimestamp } from "../../platform/time.ts";
import type { Askers } from "../askers.ts";
import { endAll } from "../bulk-ending.ts";
import type { CardCodes } from "../card-codes.ts";
import { type Batch, BatchNotCompleted, type BatchStatus, codesExpireAt } from "../domain/batch.ts";
import type { Returning } from "../returning.ts";
import type { Batches, CodedCard } from "../store/batches.ts";
import type { CardLists } from "../store/card-lists.ts";
import { readStatus } from "./codes.ts";
import type { NewCards } from "./new-card.ts";

export interface AdminBulkParts {
  readonly database: Database;
  readonly cards: CardLists;
  readonly askers: Askers;
  readonly newCards: NewCards;
  readonly returning: Returning;
  readonly batches: Batches;
  readonly batchIds: IdSequence;
  readonly codes: Pick<CardCodes, "open">;
}

type BulkHandlers = Pick<
  Handlers<typeof AdminGiftCardService>,
  "bulkUpdateGiftCardStatus" | "bulkIssueGiftCards" | "getGiftCardBatch" | "getGiftCardBatchCodes"
>;

/** Many gift cards at once, for those who run the house. */
export function handleBulk({ database, cards, askers, newCards, returning, ...parts }: AdminBulkParts): BulkHandlers {
  const { batches, batchIds, codes } = parts;

  const present = async (id: bigint): Promise<Batch> => {
    const batch = await batches.find(id);
    if (!batch) throw new NotFound("Gift card batch");
    return batch;
  };

  return {
    async bulkUpdateGiftCardStatus({ giftCardIds, status }, call) {
      const target = readStatus(status) === "expired" ? "expired" : "cancelled";
      const { updatedCount, skipped } = await endAll(giftCardIds, target, { cards, returning }, call);
      return database.transaction((tx) => settle(tx, call, { updatedCount, skipped: [...skipped] }));
    },

    async bulkIssueGiftCards({ count, notes, ...request }, call) {
      const [{ userId: adminId, name }, requested] = await Promise.all([askers.of(call), newCards.read(request, call)]);
      const card = {
        ...requested,
        sender: { id: adminId, name },
        payerId: undefined,
        notes: notes === "" ? undefined : notes,
      };
      const id = await batchIds.take();
      const made = { status: "processing", createdCount: 0, createdAt: now(), completedAt: undefined } as const;
      const batch: Batch = { id, adminId, card, count, ...made };
      return database.transaction(async (tx) => {
        await batches.insert(tx, batch);
        return settle(tx, call, { batch: batchShape(batch) });
      });
    },

    async getGiftCardBatch({ batchId }) {
      return { batch: batchShape(await present(batchId)) };
    },

    async getGiftCardBatchCodes({ batchId }, call) {
      const batch = await present(batchId);
      if (batch.adminId !== call.caller.userId) throw new NotFound("Gift card batch");
      const until = codesExpireAt(batch);
      if (until === undefined) throw new BatchNotCompleted();
      if (now() >= until) throw new NotFound("Gift card batch");
      const coded = await batches.codedCardsOf(batch);
      return { contentType: "text/csv; charset=utf-8", data: Buffer.from(csvOf(coded, codes)) };
    },
  };
}

const statusCodes: Readonly<Record<BatchStatus, GiftCardBatchStatus>> = {
  processing: GiftCardBatchStatus.PROCESSING,
  completed: GiftCardBatchStatus.COMPLETED,
  failed: GiftCardBatchStatus.FAILED,
};

function batchShape(batch: Batch): MessageInitShape<typeof GiftCardBatchSchema> & object {
  const { id, status, count, createdCount, createdAt, completedAt } = batch;
  const until = codesExpireAt(batch);
  return {
    id,
    status: statusCodes[status],
    count,
    createdCount,
    createdAt: toTimestamp(createdAt),
    ...(completedAt !== undefined && { completedAt: toTimestamp(completedAt) }),
    ...(until !== undefined && { codesExpireAt: toTimestamp(until) }),
  };
}

/** RFC 4180: no field has a comma, a quote or a line break in it. */
function csvOf(cards: readonly CodedCard[], codes: Pick<CardCodes, "open">): string {
  const lines = cards.map(({ id, code, amount, currency, expiresAt }) => {
    const until = expiresAt === undefined ? "" : instantText(toTimestamp(expiresAt));
    return [id, codes.open(id, code), formatAmount(amount, currency), currency, until].join(",");
  });
  return ["id,code,amount,currency,expires_at", ...lines].map((line) => `${line}\r\n`).join("");
}
