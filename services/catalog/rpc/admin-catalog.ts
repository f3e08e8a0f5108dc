import { AdminCatalogService } from "../../../gen/giftmesh/catalog/v1/admin_catalog_service_pb.ts";
import { type Served, serve } from "../../platform/rpc/handler.ts";
import { type AdminOfferParts, handleOffers } from "./admin-offers.ts";
import { type AdminProductParts, handleProducts } from "./admin-products.ts";
import { type AdminVendorParts, handleVendors } from "./admin-vendors.ts";

/** Vendors, products, offers and stock, for those who run the house. */
export function serveAdminCatalog(parts: AdminVendorParts & AdminProductParts & AdminOfferParts): Served {
  return serve(AdminCatalogService, { ...handleVendors(parts), ...handleProducts(parts), ...handleOffers(parts) });
}
