import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { promisify } from "node:util";
import test from "ava";
import { eventually } from "../../../platform/testing/eventually.ts";
import { ask, askConnect, askRest } from "../both-ways.ts";
import { dataOf } from "../shop.ts";
import { newPhone, type RequestData, type VoucherHouse } from "./voucher-house.ts";

const inSeconds = "Your request is being processed within 30 seconds";

/** `POST /voucher`. */
export function asking(house: VoucherHouse, how: string): void {
  const requestsFor = (phone: string) =>
    house.integration.requested
      .filter(({ phoneNumber }) => phoneNumber === phone)
      .map(({ requestId }) => Number(requestId));

  test(`anyone may ask for a code, for any phone, and is told how to watch it ${how}`, async (t) => {
    const phone = newPhone();
    const answer = await ask(t, house.anonymous, "VoucherService/RequestCode", { phone_number: phone });
    t.is(answer.status, 202);
    const { request_id, watch_token } = answer.body.data ?? {};
    t.true(Number.isSafeInteger(request_id) && Number(request_id) > 0);
    t.regex(String(watch_token), /^[A-Za-z0-9_-]{32}$/);
    t.deepEqual(answer.body, {
      success: true,
      message: inSeconds,
      data: { request_id, watch_token, status: "processing", message: inSeconds },
    });
    await eventually(async () => requestsFor(phone).length > 0);
    t.deepEqual(requestsFor(phone), [request_id]);
  });

  test(`the seed's curl line works as it stands ${how}`, async (t) => {
    const url = `${house.edge.origin}/voucher?phoneNumber=0909123456`;
    const { stdout } = await promisify(execFile)("curl", ["-s", "-w", "\n%{http_code}", "-X", "POST", url]);
    const [body = "", status] = stdout.split("\n");
    t.is(status, "202");
    t.like(JSON.parse(body), { success: true, data: { status: "processing", message: inSeconds } });
    await eventually(async () => requestsFor("+84909123456").length > 0);
    t.deepEqual(requestsFor("+84909123456"), [JSON.parse(body).data.request_id]);
  });

  test(`a phone is named phoneNumber or phone_number, and written in any way ${how}`, async (t) => {
    const phone = newPhone();
    const national = phone.replace("+84", "0");
    const written = [
      `phoneNumber=${national}`,
      `phone_number=${national}`,
      `phoneNumber=${encodeURIComponent(phone)}`,
      `phoneNumber=${encodeURIComponent(`${phone.slice(0, 3)} ${phone.slice(3)}`)}`,
    ];
    for (const query of written) t.is((await house.anonymous.post(`/voucher?${query}`)).status, 202, query);
    await eventually(async () => requestsFor(phone).length === written.length);
    for (const body of ["", "{}", '{"phone_number":"none"}', "text"]) {
      const headers = { "content-type": body === "text" ? "text/plain" : "application/json" };
      const { status } = await house.anonymous.post(`/voucher?phoneNumber=${national}`, body, headers);
      t.is(status, 202, `a body is of no account: ${body}`);
    }
  });

  for (const phone of ["", "123", "abc", "+999501234567", "0909123456x7"]) {
    test(`"${phone}" is no phone number: 422 on phone_number ${how}`, async (t) => {
      const answer = await ask(t, house.anonymous, "VoucherService/RequestCode", { phone_number: phone });
      t.is(answer.status, 422);
      t.deepEqual(Object.keys(answer.body.errors ?? {}), ["phone_number"]);
    });
  }

  test(`without a phone number it is a 422, and twice too ${how}`, async (t) => {
    for (const path of ["/voucher", "/voucher?phoneNumber=0909123456&phoneNumber=0909123457"]) {
      const { status, body } = await house.anonymous.post(path);
      t.is(status, 422);
      t.deepEqual(Object.keys(body.errors ?? {}), ["phone_number"]);
    }
  });

  test(`64 duplicates at once make one request, and one answer, to the byte ${how}`, async (t) => {
    const phone = newPhone();
    const headers = { "idempotency-key": randomUUID() };
    const fields = { phone_number: phone };
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, one) =>
        (one % 2 ? askRest : askConnect)(house.anonymous, "VoucherService/RequestCode", fields, headers),
      ),
    );
    t.is(new Set(answers.filter((_, one) => one % 2).map(({ text }) => text)).size, 1);
    t.is(new Set(answers.filter((_, one) => !(one % 2)).map(({ text }) => text)).size, 1);
    await eventually(async () => requestsFor(phone).length > 0);
    const { request_id } = dataOf<RequestData>(
      await askRest(house.anonymous, "VoucherService/RequestCode", fields, headers),
    );
    t.deepEqual(requestsFor(phone), [request_id]);
    const other = await askRest(house.anonymous, "VoucherService/RequestCode", { phone_number: newPhone() }, headers);
    t.deepEqual([other.status, other.body.code], [409, "IDEMPOTENCY_KEY_REUSED"]);
  });
}
