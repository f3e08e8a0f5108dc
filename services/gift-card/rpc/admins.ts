import { AdminGiftCardService } from "../../../gen/giftmesh/giftcard/v1/admin_gift_card_service_pb.ts";
import { type Served, serve } from "../../platform/rpc/handler.ts";
import { type AdminBulkParts, handleBulk } from "./admin-bulk.ts";
import { type AdminCardParts, handleCards } from "./admin-cards.ts";
import { type AdminOverviewParts, handleOverview } from "./admin-overview.ts";

/** All gift cards, for those who run the house. */
export function serveAdminCards(parts: AdminCardParts & AdminOverviewParts & AdminBulkParts): Served {
  return serve(AdminGiftCardService, { ...handleCards(parts), ...handleOverview(parts), ...handleBulk(parts) });
}
