import { createHash, randomUUID } from "node:crypto";
import test from "ava";
import { Role } from "../../../gen/giftmesh/common/v1/access_pb.ts";
import { VoucherChannel } from "../../../gen/giftmesh/voucher/v1/voucher_events_pb.ts";
import { VoucherStatus } from "../../../gen/giftmesh/voucher/v1/voucher_service_pb.ts";
import { failureOfCall, visible } from "../../platform/rpc/testing/failure.ts";
import { engines } from "../../platform/testing/engines.ts";
import { eventually } from "../../platform/testing/eventually.ts";
import { now, toInstant } from "../../platform/time.ts";
import { by, callOf, newNumber, RunningVouchers } from "./testing/running-vouchers.ts";

const found = engines();
const all = await Promise.all(found.map(async (engine) => ({ engine, running: await RunningVouchers.start(engine) })));

const notFound = {
  kind: "not_found",
  reason: "VOUCHER_REQUEST_NOT_FOUND",
  message: "Voucher request not found",
  fields: [],
  retryAfterSeconds: undefined,
  requestId: undefined,
};

for (const { engine, running } of all) {
  const on = `on ${engine.name}`;
  const { integration, vouchers } = running;
  const eventsOf = (phone: string) => integration.requested.filter(({ phoneNumber }) => phoneNumber === phone);
  const countOf = async (phone: string) =>
    (await running.select("SELECT id FROM voucher_requests WHERE phone_number = ?", phone)).length;

  test.after.always(`stop on ${engine.name}`, async () => {
    await running.stop();
    await engine.remove();
  });

  test(`a request is answered with what it takes to watch it, and asked of the provider once ${on}`, async (t) => {
    const phone = newNumber();
    const startedAt = now();
    const answer = await vouchers.requestCode({ phoneNumber: phone }, callOf());
    t.like(answer, {
      status: VoucherStatus.PROCESSING,
      message: "Your request is being processed within 30 seconds",
    });
    t.true(answer.requestId > 0n);
    t.regex(answer.watchToken, /^[A-Za-z0-9_-]{32}$/);
    await eventually(async () => eventsOf(phone).length > 0);
    const [event, ...others] = eventsOf(phone);
    t.deepEqual(others, []);
    t.is(event?.requestId, answer.requestId);
    const requestedAt = event?.requestedAt ? toInstant(event.requestedAt) : 0n;
    t.true(requestedAt >= startedAt && requestedAt <= now());
  });

  test(`a national number is one of the default region, and asked for as E.164 ${on}`, async (t) => {
    const phone = newNumber();
    await running.ask(phone.replace("+84", "0"));
    await running.ask(phone.replace("+84", "+84 "));
    await eventually(async () => eventsOf(phone).length === 2);
    t.is(await countOf(phone), 2);
  });

  for (const phoneNumber of ["", "123", "abc", "+999501234567", "0909123456;ext=7", "0909123456 x7", "+1"]) {
    test(`"${phoneNumber}" is no phone number, and nothing is asked ${on}`, async (t) => {
      const failure = visible(await failureOfCall(vouchers.requestCode({ phoneNumber }, callOf())));
      t.like(failure, { kind: "invalid", reason: "VALIDATION_ERROR" });
      const { fields } = failure as { readonly fields: readonly { readonly field: string }[] };
      t.deepEqual(
        fields.map(({ field }) => field),
        ["phone_number"],
      );
    });
  }

  test(`of a watch token there is a hash in the database, and nothing else ${on}`, async (t) => {
    const { requestId, token } = await running.ask(newNumber(), { idempotencyKey: randomUUID() });
    const [row] = await running.select("SELECT token_hash FROM voucher_requests WHERE id = ?", requestId);
    t.deepEqual(Buffer.from(row?.token_hash as Uint8Array), createHash("sha256").update(token).digest());
    for (const table of ["voucher_requests", "outbox", "receipts"]) {
      for (const value of (await running.select(`SELECT * FROM ${table}`)).flatMap((one) => Object.values(one))) {
        const text = value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : String(value);
        t.false(text.includes(token), table);
      }
    }
  });

  test(`an unknown request and a token that is not its are the same 404, by each way of watching ${on}`, async (t) => {
    const [asked, other] = [await running.ask(), await running.ask()];
    await integration.deliver({ requestId: asked.requestId, code: "NOT-FOR-YOU" });
    await running.isIn(asked, "web");
    const wrong = ["", "x", other.token, asked.token.toLowerCase(), `${asked.token} `, asked.token.slice(1)];
    const guesses = [
      ...wrong.map((token) => ({ ...asked, token })),
      { requestId: 2n ** 53n - 1n, token: asked.token },
      { requestId: other.requestId, token: asked.token },
    ];
    for (const guess of guesses) {
      t.deepEqual(visible(await failureOfCall(running.look(guess))), notFound);
      t.deepEqual(visible(await failureOfCall(running.look(guess, 30))), notFound);
      t.deepEqual(visible(await failureOfCall(running.watch(guess))), notFound);
    }
    t.is((await running.look(asked)).voucherCode, "NOT-FOR-YOU", "and nobody was shown the code meanwhile");
    t.is((await running.look(other)).status, VoucherStatus.PROCESSING);
  });

  test(`64 requests under one idempotency key make one request, and one answer ${on}`, async (t) => {
    const phone = newNumber();
    const init = { idempotencyKey: randomUUID() };
    const answers = await Promise.all(Array.from({ length: 64 }, () => running.ask(phone, init)));
    t.is(new Set(answers.map(({ requestId, token }) => `${requestId} ${token}`)).size, 1);
    t.is(await countOf(phone), 1);
    await eventually(async () => eventsOf(phone).length > 0);
    t.like(visible(await failureOfCall(running.ask(newNumber(), init))), { reason: "IDEMPOTENCY_KEY_REUSED" });
    t.is((await running.look(answers[0] ?? { requestId: 0n, token: "" })).status, VoucherStatus.PROCESSING);
  });

  test(`a commit whose answer was lost is not done again ${on}`, async (t) => {
    const phone = newNumber();
    const database = running.databaseOf("voucher");
    const { commit } = database;
    let failures = 0;
    database.commit = async (statements) => {
      await commit(statements);
      if (statements.some(({ values }) => values.includes(phone)) && failures++ === 0) {
        throw Object.assign(new Error("lost"), { code: "ECONNRESET" });
      }
    };
    const asked = await running.ask(phone).finally(() => {
      database.commit = commit;
    });
    t.is(failures, 1);
    t.is(await countOf(phone), 1);
    t.is((await running.look(asked)).status, VoucherStatus.PROCESSING);
    await eventually(async () => eventsOf(phone).length > 0);
    t.is(eventsOf(phone).length, 1);
  });

  test(`codes are listed for whoever's phone it is, and for admins, the last received first ${on}`, async (t) => {
    const phone = newNumber();
    const owner = await running.newOwner(phone);
    const asked = [
      await running.ask(phone),
      await running.ask(phone),
      await running.ask(phone),
      await running.ask(phone),
    ];
    const [first, second, third, failing] = asked.map(({ requestId }) => requestId) as [bigint, bigint, bigint, bigint];
    const at = now();
    await integration.refuse(failing);
    await integration.deliver(
      { requestId: third, code: "C", receivedAt: at },
      { requestId: first, code: "A", receivedAt: at + 1n },
      { requestId: second, code: "B", receivedAt: at + 1n, channel: VoucherChannel.SMS },
    );
    await running.isIn({ requestId: second }, "sms");
    await running.ask(phone);

    const { phoneNumber, ...calls } = {
      phoneNumber: phone,
      owner: by(Role.USER, owner),
      admin: by(Role.ADMIN, 1n),
      superAdmin: by(Role.SUPER_ADMIN, 1n),
    };
    for (const call of Object.values(calls)) {
      const { vouchers: listed, pageInfo } = await vouchers.listVouchers({ phoneNumber }, call);
      t.deepEqual(
        listed.map(({ requestId, voucherCode, status, channel }) => [requestId, voucherCode, status, channel]),
        [
          [second, "B", VoucherStatus.DELIVERED, VoucherChannel.SMS],
          [first, "A", VoucherStatus.DELIVERED, VoucherChannel.WEB],
          [third, "C", VoucherStatus.DELIVERED, VoucherChannel.WEB],
        ],
      );
      t.true(listed.every(({ requestedAt, receivedAt }) => requestedAt && receivedAt));
      t.like(pageInfo, { currentPage: 1, perPage: 20, total: 3n, lastPage: 1 });
    }
    const national = { phoneNumber: phone.replace("+84", "0") };
    t.is((await vouchers.listVouchers(national, by(Role.USER, owner))).vouchers.length, 3);
  });

  test(`pages by number and by cursor are the same, also where many were received at once ${on}`, async (t) => {
    const phone = newNumber();
    const call = by(Role.USER, await running.newOwner(phone));
    const asked = await Promise.all(Array.from({ length: 7 }, () => running.ask(phone)));
    const receivedAt = now();
    await integration.deliver(...asked.map(({ requestId }, one) => ({ requestId, code: `${one}`, receivedAt })));
    for (const one of asked) await running.isIn(one, "web");
    const expected = asked.map(({ requestId }) => requestId).sort((a, b) => (a < b ? 1 : -1));
    let cursor: string | undefined;
    for (let page = 1; page <= 4; page++) {
      const wanted = expected.slice((page - 1) * 2, page * 2);
      const byNumber = await vouchers.listVouchers({ phoneNumber: phone, perPage: 2, page }, call);
      t.deepEqual(
        byNumber.vouchers.map(({ requestId }) => requestId),
        wanted,
      );
      t.like(byNumber.pageInfo, { total: 7n, lastPage: 4, currentPage: page });
      if (cursor !== undefined) {
        const byCursor = await vouchers.listVouchers({ phoneNumber: phone, perPage: 2, cursor }, call);
        t.deepEqual(byCursor.vouchers, byNumber.vouchers);
        t.is(byCursor.pageInfo?.nextCursor, byNumber.pageInfo?.nextCursor);
      }
      cursor = byNumber.pageInfo?.nextCursor;
    }
    t.is(cursor, undefined);
  });

  test(`nobody else sees a phone's codes ${on}`, async (t) => {
    const phone = newNumber();
    const [owner, stranger] = [await running.newOwner(phone), await running.newOwner(newNumber())];
    const unverified = await running.newOwner(newNumber());
    await running
      .databaseOf("profile")
      .commit([
        { sql: "UPDATE users SET verified_phone = NULL, phone_number = ? WHERE id = ?", values: [phone, unverified] },
      ]);
    const gone = 999_999_999n;
    for (const role of [Role.USER, Role.VENDOR]) {
      for (const userId of [stranger, unverified, gone]) {
        const failure = await failureOfCall(vouchers.listVouchers({ phoneNumber: phone }, by(role, userId)));
        t.like(visible(failure), { kind: "forbidden", reason: "FORBIDDEN" });
      }
      t.deepEqual((await vouchers.listVouchers({ phoneNumber: phone }, by(role, owner))).vouchers, []);
    }
    t.like(visible(await failureOfCall(vouchers.listVouchers({ phoneNumber: phone }, callOf()))), {
      kind: "unauthenticated",
    });
    t.like(visible(await failureOfCall(vouchers.listVouchers({ phoneNumber: "123" }, by(Role.USER, owner)))), {
      kind: "invalid",
    });
  });
}
