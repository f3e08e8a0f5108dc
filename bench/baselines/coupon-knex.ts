import { serveCoupons } from "./coupon-front.ts";
import { now } from "./front.ts";
import { openDatabase } from "./knex-database.ts";
import { settings } from "./settings.ts";

/** Coupons first come, first served as one would do it with knex: a transaction a claim, the coupon locked FOR UPDATE. */
const knex = await openDatabase(settings.store, settings.database);

await knex.schema.createTable("coupons", (table) => {
  table.bigIncrements("id");
  table.string("name", 200).notNullable();
  table.bigInteger("total_quantity").notNullable();
  table.bigInteger("issued_quantity").notNullable();
  table.bigInteger("per_user_limit").notNullable();
  table.bigInteger("starts_at").notNullable();
  table.bigInteger("ends_at");
});
await knex.schema.createTable("member_coupons", (table) => {
  table.bigIncrements("id");
  table.bigInteger("coupon_id").notNullable();
  table.bigInteger("user_id").notNullable();
  table.bigInteger("ordinal").notNullable();
  table.string("status", 20).notNullable();
  table.bigInteger("issued_at").notNullable();
  table.unique(["coupon_id", "user_id", "ordinal"]);
  table.index(["user_id", "issued_at", "id"]);
});

await serveCoupons({
  async add({ name, totalQuantity, perUserLimit }) {
    const quantities = { total_quantity: totalQuantity, issued_quantity: 0, per_user_limit: perUserLimit };
    const [id = 0] = await knex("coupons").insert({ name, ...quantities, starts_at: now() });
    return id;
  },

  claim: (couponId, userId) =>
    knex.transaction(async (trx) => {
      const coupon = await trx("coupons").where({ id: couponId }).forUpdate().first();
      if (!coupon) return "COUPON_NOT_FOUND";
      const issuedAt = now();
      const isOver = coupon.ends_at !== null && issuedAt > coupon.ends_at;
      if (issuedAt < coupon.starts_at || isOver) return "COUPON_NOT_AVAILABLE";
      const mine = { coupon_id: couponId, user_id: userId };
      const [{ held } = { held: 0 }] = await trx("member_coupons").where(mine).count({ held: "*" });
      if (Number(held) >= coupon.per_user_limit) return "COUPON_ALREADY_ISSUED";
      if (coupon.issued_quantity >= coupon.total_quantity) return "COUPON_SOLD_OUT";
      await trx("coupons").where({ id: couponId }).increment("issued_quantity", 1);
      const issued = { ...mine, ordinal: Number(held) + 1, status: "issued", issued_at: issuedAt };
      const [id = 0] = await trx("member_coupons").insert(issued);
      return { id, issuedAt };
    }),
});
