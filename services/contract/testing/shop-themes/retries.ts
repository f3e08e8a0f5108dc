import { randomUUID } from "node:crypto";
import test from "ava";
import { publicMethods } from "../../../edge/routes.ts";
import { readDescriptors } from "../../../mesh.ts";
import type { Answer } from "../../../testing/rest-client.ts";
import { askConnect, askRest, nameOf } from "../both-ways.ts";
import { retryCases, type Surroundings } from "../retry-cases.ts";
import { dataOf, type Shop } from "../shop.ts";
import { themeOf } from "../theme.ts";

const keyed = () => ({ "idempotency-key": randomUUID() });
const distinct = (answers: readonly Answer[]) => [...new Set(answers.map(({ status, text }) => `${status} ${text}`))];

async function setUp(shop: Shop): Promise<Surroundings> {
  const vendorId = await shop.newVendor();
  const seller = await shop.newSeller(vendorId);
  return { shop, vendorId, seller, newBuyer: () => shop.newBuyer("100.00") };
}

/** Idempotency keys, on every RPC of the shop that may have an effect. */
export const retries = themeOf(setUp, (around) => {
  const on = `on ${around.shop.engine.name}`;

  for (const [name, makeCase] of Object.entries(retryCases)) {
    // Alone, so that they do not hold up the others beyond their deadlines.
    test.serial(`64 duplicates of ${name} at once have one effect and one answer, to the byte ${on}`, async (t) => {
      const { client, fields, happenedOnce, refused } = await makeCase(around);
      const headers = keyed();
      const answers = await Promise.all(
        Array.from({ length: 64 }, (_, one) => (one % 2 === 0 ? askRest : askConnect)(client, name, fields, headers)),
      );
      const again = await askRest(client, name, fields, headers);
      t.deepEqual(distinct(answers.filter((_, one) => one % 2 === 0)), distinct([again]));
      t.is(distinct(answers.filter((_, one) => one % 2 === 1)).length, 1);
      await happenedOnce(t, dataOf(again));

      const other = refused?.fields ?? { ...fields, name: "Another body" };
      const reused = await askRest(client, name, other, headers);
      t.deepEqual([reused.status, reused.body.code], [409, "IDEMPOTENCY_KEY_REUSED"]);
      await happenedOnce(t, dataOf(again));
    });

    test(`a refusal of ${name} is replayed, to the byte, also once it would not be refused ${on}`, async (t) => {
      const { client, refused } = await makeCase(around);
      if (!refused) return t.pass("Nothing is refused but what cannot be read");
      const headers = keyed();
      const answers = await Promise.all(
        Array.from({ length: 8 }, () => askRest(client, name, refused.fields, headers)),
      );
      t.deepEqual([...new Set(answers.map(({ body }) => body.code))], [refused.code]);
      await refused.mend?.();
      t.is(distinct([...answers, await askRest(client, name, refused.fields, headers)]).length, 1);
      if (!refused.mend) return;
      const anew = await askRest(client, name, refused.fields, keyed());
      t.true(anew.status < 300, anew.text);
    });
  }

  test(`two members may use the same key, and one member the same for two RPCs ${on}`, async (t) => {
    const product = await around.shop.newProduct();
    const headers = keyed();
    for (const { client } of [await around.newBuyer(), await around.newBuyer()]) {
      const added = await client.post("/cart/items", { product_id: product, quantity: 1 }, headers);
      const ordered = await client.post("/order/me", { items: [{ product_id: product, quantity: 1 }] }, headers);
      t.deepEqual([added.status, ordered.status], [201, 201]);
    }
    t.deepEqual(await around.shop.stockOf(product), { stock: 8, held: 2, sold: 0 });
  });

  test(`there is a case for every RPC of the shop that may have an effect ${on}`, (t) => {
    const effective = publicMethods(readDescriptors()).filter(
      ({ method, bindings: [{ verb }] }) =>
        /^giftmesh\.(catalog|payment|voucher\.v1\.\w*Coupon)/.test(method.parent.typeName) && verb !== "GET",
    );
    t.deepEqual(effective.map(nameOf).sort(), Object.keys(retryCases).sort());
  });
});
