import test from "ava";
import { eventually } from "../../../platform/testing/eventually.ts";
import { ask } from "../both-ways.ts";
import { balanceOf, dataOf, iso } from "../shop.ts";
import { adminBase, type CardData, cardTheme, newEmail } from "./card-house.ts";

const end = "AdminGiftCardService/BulkUpdateGiftCardStatus";
const issue = "AdminGiftCardService/BulkIssueGiftCards";
const read = "AdminGiftCardService/GetGiftCardBatch";

interface BatchData {
  readonly id: number;
  readonly status: string;
  readonly count: number;
  readonly created_count: number;
  readonly completed_at: string | null;
  readonly codes_expire_at: string | null;
}

/** Many cards at once. */
export const bulk = cardTheme((house) => {
  const { on, admin } = house;
  const batchOf = async (id: number) => dataOf<BatchData>(await admin.get(`${adminBase}/bulk/${id}`));
  const completed = async (id: number) => {
    await eventually(async () => (await batchOf(id)).status !== "processing");
    return batchOf(id);
  };

  test(`many cards are ended at once, and what cannot be is skipped with the reason ${on}`, async (t) => {
    const maker = await house.newMaker();
    const [one, two, used, gone] = [
      await house.make(maker),
      await house.makeOrderCard(maker),
      await house.make(maker),
      await house.make(maker),
    ];
    await house.redeem(maker.client, used);
    await house.remove(gone);
    const ids = [used.id, one.id, 999_999_999, two.id, gone.id];
    const { status, body } = await ask(t, admin, end, { gift_card_ids: ids, status: "cancelled" });
    t.is(status, 200);
    t.is(body.message, "Gift cards updated successfully");
    t.deepEqual(body.data, {
      updated_count: 2,
      skipped: [
        { id: used.id, reason: "GIFT_CARD_FINAL" },
        { id: 999_999_999, reason: "GIFT_CARD_NOT_FOUND" },
        { id: gone.id, reason: "GIFT_CARD_NOT_FOUND" },
      ],
    });
    t.is(await balanceOf(maker.client), "1000.00");
    const again = await house.end([one.id], "expired");
    t.deepEqual(again.body.data, { updated_count: 0, skipped: [{ id: one.id, reason: "GIFT_CARD_FINAL" }] });
  });

  test(`none, too many, the same twice, and another status are 422 ${on}`, async (t) => {
    for (const [fields, field] of [
      [{ gift_card_ids: [], status: "expired" }, "gift_card_ids"],
      [{ gift_card_ids: Array.from({ length: 1_001 }, (_, id) => id + 1), status: "expired" }, "gift_card_ids"],
      [{ gift_card_ids: [1, 1], status: "expired" }, "gift_card_ids"],
      [{ gift_card_ids: [0], status: "expired" }, "gift_card_ids.0"],
      [{ gift_card_ids: [1], status: "used" }, "status"],
      [{ gift_card_ids: [1], status: "active" }, "status"],
    ] as const) {
      const { status, body } = await ask(t, admin, end, fields);
      t.is(status, 422);
      t.deepEqual(Object.keys(body.errors ?? {}), [field]);
    }
  });

  test(`a batch of cards is made behind the answer, and its codes are for whoever ordered it ${on}`, async (t) => {
    const fields = { count: 30, gift_type: "wallet", amount: "7.50", expires_at: "2099-12-31", notes: "Anniversary" };
    const answer = await ask(t, admin, issue, fields);
    t.is(answer.status, 202);
    t.is(answer.body.message, "Gift cards are being created");
    const { id } = dataOf<BatchData>(answer);
    t.like(answer.body.data, { status: "processing", count: 30, created_count: 0, completed_at: null });
    const batch = await completed(id);
    t.like(batch, { status: "completed", count: 30, created_count: 30 });
    t.regex(batch.completed_at ?? "", iso);
    t.is(Date.parse(batch.codes_expire_at ?? "") - Date.parse(batch.completed_at ?? ""), 3_600_000);
    const shown = await ask(t, admin, read, { batch_id: id });
    t.deepEqual(shown.body.data, batch as never);

    const csv = await admin.get(`${adminBase}/bulk/${id}/codes.csv`);
    t.is(csv.status, 200);
    t.is(csv.headers.get("content-type"), "text/csv; charset=utf-8");
    t.is(csv.headers.get("content-disposition"), 'attachment; filename="codes.csv"');
    t.is(csv.headers.get("cache-control"), "no-store");
    const [head, ...lines] = csv.text.split("\r\n");
    t.is(head, "id,code,amount,currency,expires_at");
    t.is(lines.pop(), "");
    t.is(lines.length, 30);
    const codes = lines.map((line) => line.split(","));
    t.is(new Set(codes.map(([, code]) => code)).size, 30);
    for (const [, code, ...rest] of codes) {
      t.regex(code ?? "", /^GC[0-9A-HJKMNP-TV-Z]{16}$/);
      t.deepEqual(rest, ["7.50", "SAR", "2099-12-31T23:59:59.999999Z"]);
    }
    const [cardId, code] = codes[0] ?? [];
    t.like(await house.look({ id: Number(cardId) }), { amount: "7.50", notes: "Anniversary", status: "active" });
    const { client } = await house.shop.newBuyer();
    t.is((await client.post("/gift-cards/redeem", { code })).status, 200);
    t.is(await balanceOf(client), "7.50");

    for (const other of [house.shop.admin, await house.shop.newAdmin()]) {
      const refused = await other.get(`${adminBase}/bulk/${id}/codes.csv`);
      t.deepEqual([refused.status, refused.body.code], [404, "GIFT_CARD_BATCH_NOT_FOUND"]);
      t.is((await other.get(`${adminBase}/bulk/${id}`)).status, 200);
    }
  });

  test(`a batch can be of order cards, and names one recipient ${on}`, async (t) => {
    const email = newEmail();
    const fields = { count: 2, ...(await house.orderFields()), recipient_email: email };
    const { id } = dataOf<BatchData>(await admin.post(`${adminBase}/bulk`, fields));
    t.is((await completed(id)).status, "completed");
    const messages = await house.told(email, 2);
    t.is(messages.length, 2);
    const all = dataOf<CardData[]>(await admin.get(`${adminBase}?gift_type=order&per_page=100`));
    t.is(all.filter(({ recipient_email, amount }) => recipient_email === email && amount === "15.00").length, 2);
  });

  test(`a batch that is not there, and fields that are wrong ${on}`, async (t) => {
    for (const path of ["bulk/999999999", "bulk/999999999/codes.csv"]) {
      const { status, body } = await admin.get(`${adminBase}/${path}`);
      t.deepEqual([status, body.code], [404, "GIFT_CARD_BATCH_NOT_FOUND"]);
    }
    for (const [fields, field] of [
      [{ count: 0 }, "count"],
      [{ count: 10_001 }, "count"],
      [{ amount: "1.001" }, "amount"],
      [{ background_image_id: 999_999_999 }, "background_image_id"],
    ] as const) {
      const { status, body } = await ask(t, admin, issue, { count: 1, gift_type: "wallet", amount: "1", ...fields });
      t.is(status, 422);
      t.deepEqual(Object.keys(body.errors ?? {}), [field]);
    }
  });
});
