import type { AdminCatalogService } from "../../../gen/giftmesh/catalog/v1/admin_catalog_service_pb.ts";
import type { Database } from "../../platform/database/database.ts";
import { settle } from "../../platform/idempotency.ts";
import type { IdSequence } from "../../platform/ids.ts";
import { pageOf, readPaging } from "../../platform/paging.ts";
import type { Handlers } from "../../platform/rpc/handler.ts";
import { now } from "../../platform/time.ts";
import { VendorNotFound } from "../domain/errors.ts";
import type { Vendor } from "../domain/product.ts";
import type { Vendors } from "../store/vendors.ts";
import { vendorShape } from "./shapes.ts";

/** What seeing to vendors stands on. */
export interface AdminVendorParts {
  readonly database: Database;
  readonly vendors: Vendors;
  readonly vendorIds: IdSequence;
}

type VendorHandlers = Pick<
  Handlers<typeof AdminCatalogService>,
  "listVendors" | "createVendor" | "getVendor" | "updateVendor"
>;

/** Those who sell, for those who run the house. */
export function handleVendors({ database, vendors, vendorIds }: AdminVendorParts): VendorHandlers {
  return {
    async listVendors(request) {
      const paging = readPaging(request);
      const page = pageOf(paging, { ...(await vendors.list(paging)), keyOf: (vendor: Vendor) => [vendor.id] });
      return { vendors: page.rows.map(vendorShape), pageInfo: page.pageInfo };
    },

    async createVendor({ name }, call) {
      const [id, at] = [await vendorIds.take(), now()];
      const vendor: Vendor = { id, name, createdAt: at, updatedAt: at };
      return database.transaction(async (tx) => {
        await vendors.insert(tx, vendor);
        return settle(tx, call, { vendor: vendorShape(vendor) });
      });
    },

    async getVendor({ vendorId }) {
      const vendor = await vendors.find(vendorId);
      if (!vendor) throw new VendorNotFound();
      return { vendor: vendorShape(vendor) };
    },

    async updateVendor({ vendorId, name }, call) {
      return database.transaction(async (tx) => {
        const known = await vendors.lock(tx, vendorId);
        if (!known) throw new VendorNotFound();
        const vendor = name === undefined ? known : { ...known, name, updatedAt: now() };
        if (vendor !== known) await vendors.update(tx, vendor);
        return settle(tx, call, { vendor: vendorShape(vendor) });
      });
    },
  };
}
