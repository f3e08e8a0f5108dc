import type { AdminGiftCardService } from "../../../gen/giftmesh/giftcard/v1/admin_gift_card_service_pb.ts";
import type { Database } from "../../platform/database/database.ts";
import { isCurrency } from "../../platform/money.ts";
import { InvalidFields } from "../../platform/refusal.ts";
import type { Handlers } from "../../platform/rpc/handler.ts";
import { auditCards } from "../audit.ts";
import type { CardImages } from "../card-images.ts";
import type { Neighbours } from "../neighbours.ts";
import type { CardCounters } from "../store/counters.ts";
import { optionsShape } from "./options.ts";
import { readStatistics } from "./statistics.ts";

export interface AdminOverviewParts {
  readonly database: Database;
  readonly counters: CardCounters;
  readonly images: CardImages;
  readonly ledger: Neighbours["ledger"];
  readonly defaultCurrency: string;
}

type OverviewHandlers = Pick<
  Handlers<typeof AdminGiftCardService>,
  "getAdminGiftCardOptions" | "getGiftCardStatistics" | "auditGiftCards"
>;

/** What there is of gift cards, all together, for those who run the house. */
export function handleOverview(parts: AdminOverviewParts): OverviewHandlers {
  const { database, counters, images, ledger, defaultCurrency } = parts;
  return {
    async getAdminGiftCardOptions() {
      const [options, statistics] = await Promise.all([
        optionsShape(images, defaultCurrency),
        readStatistics(counters, defaultCurrency),
      ]);
      return { ...options, statistics };
    },

    async getGiftCardStatistics({ currency = defaultCurrency }) {
      if (!isCurrency(currency)) {
        throw new InvalidFields([{ field: "currency", description: "The currency is not supported." }]);
      }
      return { statistics: await readStatistics(counters, currency) };
    },

    async auditGiftCards(_request, call) {
      const { cards, differences } = await auditCards(database, ledger, call);
      return { balanced: differences.length === 0, giftCards: cards, differences: [...differences] };
    },
  };
}
