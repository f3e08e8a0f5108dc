import type { MessageInitShape } from "@bufbuild/protobuf";
import type { GiftCardStatisticsSchema } from "../../../gen/giftmesh/giftcard/v1/admin_gift_card_service_pb.ts";
import { formatAmount } from "../../platform/money.ts";
import { now } from "../../platform/time.ts";
import { monthOf } from "../domain/counters.ts";
import { monthsUntil, statisticsOf } from "../domain/statistics.ts";
import type { CardCounters } from "../store/counters.ts";

/** How many cards there are of a currency, and what they are worth: a few dozen counters, however many cards. */
export async function readStatistics(
  counters: CardCounters,
  currency: string,
): Promise<MessageInitShape<typeof GiftCardStatisticsSchema> & object> {
  const present = monthOf(now());
  const parts = monthsUntil(present);
  const counts = await Promise.all([
    counters.read({ kind: "facet", currency }),
    counters.read({ kind: "made", currency, parts }),
    counters.read({ kind: "redeemed", currency, parts }),
  ]);
  const { byStatus, byType, months, ...found } = statisticsOf(counts.flat(), present);
  return {
    totalGiftCards: found.total,
    activeGiftCards: byStatus.active,
    usedGiftCards: byStatus.used,
    expiredGiftCards: byStatus.expired,
    cancelledGiftCards: byStatus.cancelled,
    walletType: byType.wallet,
    orderType: byType.order,
    totalAmount: formatAmount(found.totalAmount, currency),
    redeemedAmount: formatAmount(found.redeemedAmount, currency),
    thisMonth: found.thisMonth,
    thisYear: found.thisYear,
    outstandingAmount: formatAmount(found.outstandingAmount, currency),
    currency,
    byMonth: months.map(({ month, count, amount, redeemedAmount }) => ({
      month: `${month / 100n}-${String(month % 100n).padStart(2, "0")}`,
      count,
      amount: formatAmount(amount, currency),
      redeemedAmount: formatAmount(redeemedAmount, currency),
    })),
  };
}
