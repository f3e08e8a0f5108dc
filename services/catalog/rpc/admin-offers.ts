import type { AdminCatalogService } from "../../../gen/giftmesh/catalog/v1/admin_catalog_service_pb.ts";
import type { Database } from "../../platform/database/database.ts";
import { settle } from "../../platform/idempotency.ts";
import type { IdSequence } from "../../platform/ids.ts";
import { pageOf, readPaging } from "../../platform/paging.ts";
import type { Handlers } from "../../platform/rpc/handler.ts";
import { now, toInstant } from "../../platform/time.ts";
import { OfferNotFound } from "../domain/errors.ts";
import { offerViolations } from "../domain/offer.ts";
import type { Offer } from "../domain/product.ts";
import type { Offers, PricedOffer } from "../store/offers.ts";
import type { Products } from "../store/products.ts";
import { FieldReader } from "./fields.ts";
import { offerShape } from "./shapes.ts";

/** What seeing to offers stands on. */
export interface AdminOfferParts {
  readonly database: Database;
  readonly products: Products;
  readonly offers: Offers;
  readonly offerIds: IdSequence;
}

type OfferHandlers = Pick<
  Handlers<typeof AdminCatalogService>,
  "listOffers" | "createOffer" | "getOffer" | "updateOffer"
>;

/** Prices for a time, for those who run the house. */
export function handleOffers({ database, products, offers, offerIds }: AdminOfferParts): OfferHandlers {
  return {
    async listOffers(request) {
      const paging = readPaging(request);
      const listed = await offers.list(request.productId, paging);
      const page = pageOf(paging, { ...listed, keyOf: ({ offer }: PricedOffer) => [offer.id] });
      return { offers: page.rows.map(({ offer, currency }) => offerShape(offer, currency)), pageInfo: page.pageInfo };
    },

    async createOffer({ productId, name, price, startsAt, endsAt }, call) {
      const [id, at] = [await offerIds.take(), now()];
      return database.transaction(async (tx) => {
        // Locked, so that its price does not fall below the offer's meanwhile.
        const product = await products.lock(tx, productId);
        const fields = new FieldReader();
        const times = {
          startsAt: startsAt ? toInstant(startsAt) : at,
          endsAt: endsAt && toInstant(endsAt),
        };
        if (!product) {
          throw fields.with({ field: "product_id", description: "The selected product id is invalid." });
        }
        const minorUnits = fields.price(price, product.currency);
        const offer: Offer = { id, productId, name, price: minorUnits, ...times };
        fields.add(...offerViolations(offer, product, new Set(["price", "starts_at", "ends_at"])));
        fields.check();

        await offers.insert(tx, offer);
        return settle(tx, call, { offer: offerShape(offer, product.currency) });
      });
    },

    async getOffer({ offerId }) {
      const found = await offers.find(offerId);
      if (!found) throw new OfferNotFound();
      return { offer: offerShape(found.offer, found.currency) };
    },

    async updateOffer({ offerId, name, price, startsAt, endsAt }, call) {
      return database.transaction(async (tx) => {
        const known = await offers.lock(tx, offerId);
        const product = known && (await products.lock(tx, known.productId));
        if (!known || !product) throw new OfferNotFound();
        const fields = new FieldReader();
        const offer: Offer = {
          ...known,
          ...(name !== undefined && { name }),
          ...(price !== undefined && { price: fields.price(price, product.currency) }),
          startsAt: startsAt ? toInstant(startsAt) : known.startsAt,
          endsAt: endsAt ? toInstant(endsAt) : known.endsAt,
        };
        const changed = Object.entries({ price, starts_at: startsAt, ends_at: endsAt }).filter(([, value]) => value);
        fields.add(...offerViolations(offer, product, new Set(changed.map(([field]) => field))));
        fields.check();

        await offers.update(tx, offer);
        return settle(tx, call, { offer: offerShape(offer, product.currency) });
      });
    },
  };
}
