import { VendorGiftCardService } from "../../../gen/giftmesh/giftcard/v1/vendor_gift_card_service_pb.ts";
import { NotFound } from "../../platform/refusal.ts";
import { type Served, serve } from "../../platform/rpc/handler.ts";
import { statusOf } from "../domain/card.ts";
import type { CardLists } from "../store/card-lists.ts";
import type { CardCounters } from "../store/counters.ts";
import { readCountedPage } from "./card-pages.ts";
import { type CardShapes, maskedView } from "./card-shapes.ts";
import { readGiftType, readStatus } from "./codes.ts";

export interface VendorCardParts {
  readonly cards: CardLists;
  readonly counters: CardCounters;
  readonly shapes: CardShapes;
}

/** Gift cards for a vendor's products, for those who work for it. */
export function serveVendorCards({ cards, counters, shapes }: VendorCardParts): Served {
  return serve(VendorGiftCardService, {
    async listVendorGiftCards(request, call) {
      const filter = { status: readStatus(request.status), giftType: readGiftType(request.giftType) };
      const scope = { kind: "vendor", vendorId: call.caller.vendorId } as const;
      const { rows, pageInfo } = await readCountedPage(cards, counters, scope, filter, request);
      const show = await shapes.prepare(rows, call);
      return { giftCards: rows.map((card) => show(card, maskedView)), pageInfo };
    },

    async getVendorGiftCard({ giftCardId }, call) {
      const card = await cards.find(giftCardId);
      const isTheirs = card?.goods?.vendorId === call.caller.vendorId;
      if (!card || !isTheirs || statusOf(card) === undefined) throw new NotFound("Gift card");
      return { giftCard: (await shapes.prepare([card], call))(card, maskedView) };
    },
  });
}
