import test from "ava";
import { type Engine, engines } from "../platform/testing/engines.ts";
import { runMesh } from "../testing/running-mesh.ts";
import { inTurn } from "./testing/in-turn.ts";

const iso = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

async function setUp(engine: Engine) {
  const running = await runMesh(engine);
  return { engine, ...running, newUser: inTurn(() => running.anonymous.newUser()) };
}

for (const { engine, mesh, newUser, superAdmin, newStaff } of await Promise.all(engines().map(setUp))) {
  test.after.always(async () => {
    await mesh.stop();
    await engine.remove();
  });

  test(`signing up opens a wallet in the default currency on ${engine.name}`, async (t) => {
    const { id, client } = await newUser();
    const { status, body } = await client.get(`/members/${id}/points`);
    t.is(status, 200);
    const walletId = body.data?.wallet_id;
    t.true(Number.isSafeInteger(walletId));
    t.deepEqual(body, {
      success: true,
      message: "Success",
      data: {
        wallet_id: walletId,
        balance: "0.00",
        currency: "SAR",
        wallets: [{ wallet_id: walletId, balance: "0.00", currency: "SAR" }],
      },
    });
  });

  test(`a charge answers the wallet, its balance and the transaction on ${engine.name}`, async (t) => {
    const { client } = await newUser();
    const { status, body } = await client.post("/members/me/points/charge", { amount: 200 });
    t.is(status, 200);
    t.like(body, {
      success: true,
      message: "Points charged successfully",
      data: { balance: "200.00", currency: "SAR" },
    });
    const transaction = body.data?.transaction as Record<string, unknown>;
    t.regex(String(transaction.created_at), iso);
    t.true(Number.isSafeInteger(transaction.id));
    t.deepEqual(Object.keys(transaction), [
      "id",
      "type",
      "direction",
      "amount",
      "balance_after",
      "currency",
      "status",
      "reference",
      "created_at",
    ]);
    t.like(transaction, {
      type: "charge",
      direction: "credit",
      amount: "200.00",
      balance_after: "200.00",
      currency: "SAR",
      status: "completed",
    });
  });

  const amounts = [
    { currency: "SAR", amount: 12.5, balance: "12.50" },
    { currency: "SAR", amount: "12.5", balance: "12.50" },
    { currency: "SAR", amount: "0.01", balance: "0.01" },
    { currency: "KRW", amount: 200, balance: "200" },
    { currency: "KWD", amount: "200", balance: "200.000" },
    { currency: "KWD", amount: 0.001, balance: "0.001" },
  ];
  for (const { currency, amount, balance } of amounts) {
    test(`${JSON.stringify(amount)} ${currency} comes out as ${balance} on ${engine.name}`, async (t) => {
      const { client } = await newUser();
      const { body } = await client.post("/members/me/points/charge", { amount, currency });
      t.like(body.data, { balance, currency });
    });
  }

  const wrongAmounts = [
    { amount: "1.005", currency: "SAR" },
    { amount: 1.5, currency: "KRW" },
    { amount: "0.0001", currency: "KWD" },
    { amount: 0, currency: "SAR" },
    { amount: "0.00", currency: "SAR" },
    { amount: -1, currency: "SAR" },
    { amount: "-0.01", currency: "SAR" },
    { amount: "1e2", currency: "SAR" },
    { amount: "1,000", currency: "SAR" },
    { amount: " 1", currency: "SAR" },
    { amount: "", currency: "SAR" },
    { amount: "ten", currency: "SAR" },
    { amount: "Infinity", currency: "SAR" },
    { amount: "90071992547409.92", currency: "SAR" },
    { amount: "9007199254740992", currency: "KRW" },
    { amount: true, currency: "SAR" },
    { amount: [], currency: "SAR" },
    { amount: {}, currency: "SAR" },
    { amount: null, currency: "SAR" },
  ];
  for (const body of wrongAmounts) {
    test(`${JSON.stringify(body)} is no amount on ${engine.name}`, async (t) => {
      const { client } = await newUser();
      const answer = await client.post("/members/me/points/charge", body);
      t.is(answer.status, 422, answer.text);
      t.like(answer.body, { success: false, message: "Validation error", code: "VALIDATION_ERROR" });
      t.deepEqual(Object.keys(answer.body.errors ?? {}), ["amount"]);
      t.like((await client.get("/members/me/points")).body.data, { balance: "0.00" });
    });
  }

  test(`the largest amounts are exact, as a number and as a string on ${engine.name}`, async (t) => {
    const { client } = await newUser();
    for (const amount of ["90071992547409.91", '"90071992547409.91"']) {
      const { status, body } = await client.post("/members/me/points/charge", `{"amount":${amount}}`);
      t.is(status, 400);
      t.is(body.code, "CHARGE_DECLINED");
    }
    const tooMuch = await client.post("/members/me/points/charge", '{"amount":90071992547409.92}');
    t.is(tooMuch.status, 422, tooMuch.text);
  });

  test(`the development provider approves up to 10,000 and declines more on ${engine.name}`, async (t) => {
    const { client } = await newUser();
    const declined = await client.post("/members/me/points/charge", { amount: "10000.01" });
    t.is(declined.status, 400);
    t.like(declined.body, { success: false, code: "CHARGE_DECLINED", message: "The charge was declined" });
    t.is((await client.post("/members/me/points/charge", { amount: 10_000 })).status, 200);
  });

  test(`another member's points are not there for a user, and open to an admin on ${engine.name}`, async (t) => {
    const [sara, omar] = [await newUser(), await newUser()];
    const admin = await newStaff("admin");
    const vendor = await newStaff("vendor");
    for (const path of [`/members/${sara.id}/points`, `/members/${sara.id}/points/transactions`]) {
      t.is((await omar.client.get(path)).status, 404);
      t.is((await vendor.get(path)).status, 404);
      t.is((await admin.get(path)).status, 200);
      t.is((await superAdmin.get(path)).status, 200);
    }
    t.is((await omar.client.post(`/members/${sara.id}/points/charge`, { amount: 1 })).status, 404);
    t.is((await admin.post(`/members/${sara.id}/points/charge`, { amount: 1 })).status, 200);
    t.like((await sara.client.get("/members/me/points")).body.data, { balance: "1.00" });
  });

  test(`a member that nobody is, is not there for an admin either on ${engine.name}`, async (t) => {
    const { status, body } = await superAdmin.get("/members/999999999/points");
    t.is(status, 404);
    t.is(body.code, "MEMBER_NOT_FOUND");
    t.is((await superAdmin.post("/members/999999999/points/charge", { amount: 1 })).status, 404);
  });

  test(`transactions are listed, the newest first, by page and by cursor alike on ${engine.name}`, async (t) => {
    const { client } = await newUser();
    for (let amount = 1; amount <= 7; amount++) {
      const currency = amount % 3 === 0 ? "KRW" : "SAR";
      await client.post("/members/me/points/charge", { amount, currency });
    }
    const path = "/members/me/points/transactions";
    const first = await client.get(`${path}?per_page=3`);
    t.like(first.body.meta, { current_page: 1, per_page: 3, total: 7, last_page: 3 });
    const all: unknown[] = [];
    let cursor: unknown;
    do {
      const { body } = await client.get(`${path}?per_page=3${cursor ? `&cursor=${cursor}` : ""}`);
      all.push(...(body.data as unknown as unknown[]));
      cursor = body.meta?.next_cursor;
      if (cursor) t.true(Object.hasOwn(body.meta ?? {}, "total"));
    } while (cursor);
    const byPage = await Promise.all([1, 2, 3].map((page) => client.get(`${path}?per_page=3&page=${page}`)));
    t.deepEqual(
      byPage.flatMap(({ body }) => body.data as unknown as unknown[]),
      all,
    );
    t.deepEqual(
      all.map((one) => Number((one as { amount: string }).amount)),
      [7, 6, 5, 4, 3, 2, 1],
    );
  });

  test(`transactions are filtered by currency, type and time on ${engine.name}`, async (t) => {
    const { client } = await newUser();
    await client.post("/members/me/points/charge", { amount: 1 });
    await client.post("/members/me/points/charge", { amount: 2, currency: "KRW" });
    const total = async (query: string) =>
      (await client.get(`/members/me/points/transactions?${query}`)).body.meta?.total;
    t.is(await total("currency=KRW"), 1);
    t.is(await total("currency=EUR"), 0);
    t.is(await total("type=charge"), 2);
    t.is(await total("type=refund"), 0);
    const today = new Date().toISOString().slice(0, 10);
    t.is(await total(`from=${today}&to=${today}`), 2);
    t.is(await total("to=2020-01-01"), 0);
    t.is(await total("from=2999-01-01T00:00:00Z"), 0);
  });

  test(`an empty list has one page on ${engine.name}`, async (t) => {
    const { client } = await newUser();
    const { body } = await client.get("/members/me/points/transactions");
    t.deepEqual(body, {
      success: true,
      message: "Success",
      data: [],
      meta: { current_page: 1, per_page: 20, total: 0, last_page: 1, next_cursor: null },
    } as unknown as typeof body);
  });

  const wrongQueries = [
    ["per_page=0", "per_page"],
    ["per_page=101", "per_page"],
    ["per_page=x", "per_page"],
    ["page=0", "page"],
    ["page=101&per_page=100", "page"],
    ["page=10001&per_page=1", "page"],
    ["cursor=nonsense", "cursor"],
    ["currency=sar", "currency"],
    ["currency=XXX", "currency"],
    ["type=other", "type"],
    ["from=yesterday", "from"],
    ["to=2026-13-01", "to"],
  ] as const;
  for (const [query, field] of wrongQueries) {
    test(`?${query} is a 422 on ${field} on ${engine.name}`, async (t) => {
      const { client } = await newUser();
      const { status, body, text } = await client.get(`/members/me/points/transactions?${query}`);
      t.is(status, 422, text);
      t.deepEqual(Object.keys(body.errors ?? {}), [field]);
    });
  }

  test(`64 duplicates of a charge at once have one effect and one answer, to the byte on ${engine.name}`, async (t) => {
    const { client } = await newUser();
    const answers = await Promise.all(
      Array.from({ length: 64 }, () =>
        client.post("/members/me/points/charge", { amount: 5 }, { "idempotency-key": "the same" }),
      ),
    );
    t.deepEqual([...new Set(answers.map(({ status, text }) => `${status} ${text}`))].length, 1);
    t.like((await client.get("/members/me/points")).body.data, { balance: "5.00" });
  });

  test(`a refusal is replayed to the byte, and another body is refused on ${engine.name}`, async (t) => {
    const { client } = await newUser();
    const charge = (amount: unknown) =>
      client.post("/members/me/points/charge", { amount }, { "idempotency-key": "too much" });
    const first = await charge(10_001);
    t.is(first.status, 400);
    t.is((await charge(10_001)).text, first.text);
    const reused = await charge(1);
    t.is(reused.status, 409);
    t.is(reused.body.code, "IDEMPOTENCY_KEY_REUSED");
    t.like((await client.get("/members/me/points")).body.data, { balance: "0.00" });
  });

  test(`two members may use the same idempotency key on ${engine.name}`, async (t) => {
    for (const { client } of [await newUser(), await newUser()]) {
      const charged = await client.post("/members/me/points/charge", { amount: 5 }, { "idempotency-key": "1" });
      t.like(charged.body.data, { balance: "5.00" });
    }
  });

  test(`the audit is balanced and the liability is what wallets hold on ${engine.name}`, async (t) => {
    const liability = async (asOf = "") =>
      (await superAdmin.get(`/admin-api/ledger/liability${asOf}`)).body.data as unknown as Record<string, string>[];
    const { client } = await newUser();
    await client.post("/members/me/points/charge", { amount: "7.000", currency: "BHD" });
    const { body } = await superAdmin.get("/admin-api/ledger/audit");
    t.like(body.data, { balanced: true, differences: [] });
    t.true(Number(body.data?.transfers) >= 1 && Number(body.data?.accounts) >= 2);
    t.like(
      (await liability()).find((one) => one.currency === "BHD"),
      { wallets: "7.000", gift_cards: "0.000" },
    );
    t.deepEqual(await liability("?as_of=2020-01-01"), []);
  });
}
