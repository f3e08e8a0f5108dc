import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { CodeFailure, VoucherChannel } from "../../../../gen/giftmesh/voucher/v1/voucher_events_pb.ts";
import { VoucherService } from "../../../../gen/giftmesh/voucher/v1/voucher_service_pb.ts";
import { ask, askConnect, askRest, connectRefusalOf, restRefusalOf } from "../both-ways.ts";
import { askConnectStream } from "../connect-stream.ts";
import { dataOf, iso } from "../shop.ts";
import {
  giveUpAfterMs,
  lateAfterMs,
  newPhone,
  type Request,
  type VoucherHouse,
  type WatchedData,
} from "./voucher-house.ts";

const { watchRequestedCode } = VoucherService.method;

const inTime = "Thank you for using our services, your voucher code is ready:";
const tooLate = "Thank you for your patience, your voucher code is ready:";

/** `GET /voucher/requests/{request_id}`, and its events. */
export function watching(house: VoucherHouse, how: string): void {
  const { integration, anonymous } = house;
  const fieldsOf = ({ request_id, watch_token }: Request) => ({ request_id, token: watch_token });
  const deliver = (request: Request, code: string, channel: VoucherChannel = VoucherChannel.WEB) =>
    integration.deliver({ requestId: BigInt(request.request_id), code, channel });

  /** All that the event stream says until it ends. */
  /** Watches a request from its first event on, which is there once this resolves; `events` are all of them in the end. */
  const watch = async ({ request_id, watch_token }: Request): Promise<{ readonly events: Promise<WatchedData[]> }> => {
    const response = await fetch(`${anonymous.base}/voucher/requests/${request_id}/events?token=${watch_token}`);
    const { status, headers } = response;
    if (status !== 200 || headers.get("content-type") !== "text/event-stream") {
      throw new Error(`${status} ${await response.text()}`);
    }
    const events = response.text().then((text) =>
      text
        .split("\n\n")
        .filter((event) => event !== "" && !event.startsWith(":"))
        .map((event) => JSON.parse(/^data: (.+)$/.exec(event)?.[1] ?? "null")),
    );
    return { events };
  };
  const eventsOf = async (request: Request) => (await watch(request)).events;

  test(`a request is processing until there is news ${how}`, async (t) => {
    const request = await house.ask();
    const { status, body } = await ask(t, anonymous, "VoucherService/GetRequestedCode", fieldsOf(request));
    t.is(status, 200);
    const { requested_at } = body.data ?? {};
    t.deepEqual(body.data, {
      request_id: request.request_id,
      status: "processing",
      channel: null,
      voucher_code: null,
      requested_at,
      received_at: null,
    });
    t.regex(String(requested_at), iso);
  });

  test(`a code in time is shown on the web to who waits for it, by REST and by Connect ${how}`, async (t) => {
    const request = await house.ask();
    const waits = [
      askRest(anonymous, "VoucherService/GetRequestedCode", { ...fieldsOf(request), wait: 30 }),
      askConnect(anonymous, "VoucherService/GetRequestedCode", { ...fieldsOf(request), wait: 30 }),
    ];
    await sleep(200);
    await deliver(request, "WEB-1");
    const [rest, connect] = await Promise.all(waits);
    const { requested_at, received_at } = rest?.body.data ?? {};
    t.deepEqual(rest?.body, {
      success: true,
      message: "Success",
      data: {
        request_id: request.request_id,
        status: "delivered",
        channel: "web",
        voucher_code: "WEB-1",
        requested_at,
        received_at,
      },
    });
    t.regex(String(received_at), iso);
    t.like(connect?.body.requestedCode, {
      status: "VOUCHER_STATUS_DELIVERED",
      channel: "VOUCHER_CHANNEL_WEB",
      voucherCode: "WEB-1",
    });
    const again = await ask(t, anonymous, "VoucherService/GetRequestedCode", { ...fieldsOf(request), wait: 30 });
    t.deepEqual(again.body, rest?.body);
    await sleep(lateAfterMs + 500);
    t.deepEqual((await house.look(request)).body, rest?.body, "and goes on being shown");
    t.is((await anonymous.get(`/dev/messages?to=${encodeURIComponent(request.phone)}`)).body.meta?.total, 0);
  });

  test(`an event stream and a Connect stream say the same: how it stands, and how it ends ${how}`, async (t) => {
    const request = await house.ask();
    const asked = askConnectStream(anonymous, watchRequestedCode, fieldsOf(request));
    const watched = await watch(request);
    await sleep(300);
    await deliver(request, "WEB-2");
    const [events, connect] = await Promise.all([watched.events, asked]);
    t.deepEqual(
      events.map(({ status, channel, voucher_code }) => [status, channel, voucher_code]),
      [
        ["processing", null, null],
        ["delivered", "web", "WEB-2"],
      ],
    );
    t.is(connect.end.status, 200);
    const said = connect.messages.map((text) => JSON.parse(text).requestedCode);
    t.deepEqual(
      said.map(({ status, voucherCode }) => [status, voucherCode]),
      [
        ["VOUCHER_STATUS_PROCESSING", undefined],
        ["VOUCHER_STATUS_DELIVERED", "WEB-2"],
      ],
    );
    t.deepEqual(await eventsOf(request), events.slice(1), "and only how it ended to who comes later");
  });

  test(`nobody fetches a code in time: it leaves by SMS, and the web has it no more ${how}`, async (t) => {
    const request = await house.ask();
    await deliver(request, "SMS-1");
    t.deepEqual(await house.told(request.phone, 1), [`${inTime} SMS-1`]);
    const { data } = (await ask(t, anonymous, "VoucherService/GetRequestedCode", fieldsOf(request))).body;
    t.like(data, { status: "delivered", channel: "sms", voucher_code: null });
    t.true(Date.parse(String(data?.received_at)) - Date.parse(String(data?.requested_at)) < lateAfterMs);
  });

  test(`a HEAD is not shown a code: it leaves by SMS all the same ${how}`, async (t) => {
    const request = await house.ask();
    const path = `/voucher/requests/${request.request_id}?token=${request.watch_token}&wait=30`;
    const head = fetch(new URL(path, house.edge), { method: "HEAD" });
    await sleep(200);
    await deliver(request, "SMS-3");
    t.is((await head).status, 404);
    t.deepEqual(await house.told(request.phone, 1), [`${inTime} SMS-3`]);
  });

  test(`a late code leaves by SMS, and who watches hears so ${how}`, async (t) => {
    const request = await house.ask();
    const seen = house.see(request, 30);
    const watched = await watch(request);
    await sleep(lateAfterMs + 200);
    await deliver(request, "SMS-2", VoucherChannel.SMS);
    const [events, waited] = await Promise.all([watched.events, seen]);
    t.deepEqual(
      events.map(({ status, channel, voucher_code }) => [status, channel, voucher_code]),
      [
        ["processing", null, null],
        ["delivered", "sms", null],
      ],
    );
    t.deepEqual(waited, events[1]);
    t.deepEqual(await house.told(request.phone, 1), [`${tooLate} SMS-2`]);
  });

  for (const [why, failure] of [
    ["the provider refuses", CodeFailure.REFUSED],
    ["the provider's time is up", CodeFailure.TIMED_OUT],
  ] as const) {
    test(`where ${why} the request has failed, and who watches hears so ${how}`, async (t) => {
      const request = await house.ask();
      const seen = house.see(request, 30);
      const watched = await watch(request);
      await integration.refuse(BigInt(request.request_id), failure);
      const [events, waited] = await Promise.all([watched.events, seen]);
      t.deepEqual(
        events.map(({ status }) => status),
        ["processing", "failed"],
      );
      t.like(waited, { status: "failed", channel: null, voucher_code: null, received_at: null });
      await ask(t, anonymous, "VoucherService/GetRequestedCode", fieldsOf(request));
    });
  }

  test(`where nothing is heard at all the request fails by itself, and a code that comes then is not lost ${how}`, async (t) => {
    const request = await house.ask();
    const startedAt = performance.now();
    t.like(await house.see(request, 30), { status: "failed" });
    const tookMs = performance.now() - startedAt;
    t.true(tookMs > giveUpAfterMs - 500, `${tookMs} ms`);
    await deliver(request, "SMS-3");
    t.deepEqual(await house.told(request.phone, 1), [`${tooLate} SMS-3`]);
    t.like(await house.see(request), { status: "delivered", channel: "sms", voucher_code: null });
  });

  test(`wait holds the answer for so long, and no longer than 30 s may be asked for ${how}`, async (t) => {
    const request = await house.ask();
    const startedAt = performance.now();
    t.like(await house.see(request, 1), { status: "processing" });
    const tookMs = performance.now() - startedAt;
    t.true(tookMs >= 990 && tookMs < 2_500, `${tookMs} ms`);
    for (const wait of [31, -1]) {
      const fields = { ...fieldsOf(request), wait };
      const answer = await ask(t, anonymous, "VoucherService/GetRequestedCode", fields);
      t.is(answer.status, 422);
      t.deepEqual(Object.keys(answer.body.errors ?? {}), ["wait"]);
    }
  });

  test(`who has no watch token of a request is told that there is none, and in the same words ${how}`, async (t) => {
    const askedAt = performance.now();
    const [request, other] = [await house.ask(), await house.ask(newPhone())];
    const unknown = await askRest(anonymous, "VoucherService/GetRequestedCode", {
      request_id: 999_999_999,
      token: "x",
    });
    t.deepEqual(
      [unknown.status, unknown.body.code, unknown.body.message],
      [404, "VOUCHER_REQUEST_NOT_FOUND", "Voucher request not found"],
    );
    const guesses = ["", "x", other.watch_token, request.watch_token.slice(1), "x".repeat(5_000)];
    for (const client of [anonymous, house.admin]) {
      for (const token of guesses) {
        const fields = { request_id: request.request_id, token };
        for (const rpc of ["GetRequestedCode", "WatchRequestedCode"]) {
          const rest = await askRest(client, `VoucherService/${rpc}`, fields);
          t.is(rest.status, 404);
          t.deepEqual(restRefusalOf(rest), restRefusalOf(unknown));
          t.deepEqual(connectRefusalOf(await askConnect(client, `VoucherService/${rpc}`, fields)), restRefusalOf(rest));
        }
      }
      const bare = await client.get(`/voucher/requests/${request.request_id}`);
      t.deepEqual([bare.status, restRefusalOf(bare)], [404, restRefusalOf(unknown)]);
    }
    const looked = dataOf(await house.look(request));
    // On a busy machine its time may be up by now, and in no other way may it have changed.
    const isOver = performance.now() - askedAt >= giveUpAfterMs;
    t.like(looked, { status: isOver && looked?.status === "failed" ? "failed" : "processing", voucher_code: null });
  });
}
