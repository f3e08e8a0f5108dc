import test from "ava";
import fc from "fast-check";
import type { KeptCode } from "../../../platform/codes/kept-code.ts";
import { messageWith } from "./code-message.ts";
import {
  begin,
  dueAtOf,
  fail,
  hasCode,
  isToBeShown,
  noteSent,
  noteUnsent,
  passTime,
  receive,
  sendAtOf,
  show,
  type VoucherRequest,
} from "./voucher-request.ts";

const patience = { lateAfter: 30_000n, giveUpAfter: 600_000n };
const wanted = { id: 17n, phoneNumber: "+84909123456", tokenHash: Buffer.alloc(32, 1) };
const asked = begin(wanted, patience, 1_000n);
const late = 31_000n;
const over = 601_000n;
const day = 86_400_000_000n;

const codeOf = (name: string): KeptCode => ({
  searchKey: Buffer.from(name),
  searchKeyId: "first",
  sealed: Buffer.from(name),
  sealKeyId: "first",
});
const code = codeOf("one");
const onTime = { code, receivedAt: 5_000n, channel: "web" } as const;
const forWeb = receive(asked, onTime, 5_000n);
const forSms = receive(asked, { ...onTime, channel: "sms" }, 40_000n);
const failed = fail(asked, "refused", 5_000n);

/** What is so of requests in each state. */
const states: Readonly<Record<string, VoucherRequest>> = {
  processing: asked,
  failed,
  "for the web": forWeb,
  shown: show(forWeb, 6_000n),
  "for the SMS": forSms,
  "sent by SMS": noteSent(forSms, 41_000n),
};

test("a request is late and given up so long after it was made", (t) => {
  t.like(asked, { requestedAt: 1_000n, lateAt: late, giveUpAt: over, state: { kind: "processing" } });
  t.deepEqual([dueAtOf(asked), sendAtOf(asked)], [over, undefined]);
});

test("a code in time is for the web until it is late", (t) => {
  t.deepEqual(forWeb.state, { kind: "web", code, receivedAt: 5_000n, shownAt: undefined });
  t.true(isToBeShown(forWeb));
  t.deepEqual([dueAtOf(forWeb), sendAtOf(forWeb)], [late, undefined]);
});

test("a code in time that is only taken when it is late is for the SMS, at once", (t) => {
  for (const at of [late, late + 1n]) {
    const taken = receive(asked, onTime, at);
    const sending = { kind: "waiting", attempts: 0, dueAt: at };
    t.deepEqual(taken.state, { kind: "sms", code, receivedAt: 5_000n, sending } as typeof taken.state);
    t.deepEqual([dueAtOf(taken), sendAtOf(taken)], [undefined, at]);
  }
  t.is(receive(asked, onTime, late - 1n).state.kind, "web");
});

test("a late code is for the SMS, whenever it is taken", (t) => {
  for (const at of [5_000n, 40_000n]) {
    t.is(receive(asked, { ...onTime, channel: "sms" }, at).state.kind, "sms");
  }
});

test("a code that comes after the request has failed leaves by SMS, and is not lost", (t) => {
  for (const channel of ["web", "sms"] as const) {
    const taken = receive(failed, { ...onTime, channel }, 6_000n);
    t.like(taken.state, { kind: "sms", code, receivedAt: 5_000n });
    t.is(sendAtOf(taken), 6_000n);
  }
});

for (const state of ["for the web", "shown", "for the SMS", "sent by SMS"]) {
  test(`a request whose code is ${state} keeps it: another code, and a failure, change nothing`, (t) => {
    const request = states[state] ?? asked;
    for (const channel of ["web", "sms"] as const) {
      t.is(receive(request, { code: codeOf("other"), receivedAt: 7_000n, channel }, 7_000n), request);
    }
    for (const failure of ["refused", "timed_out"] as const) t.is(fail(request, failure, 7_000n), request);
  });
}

test("a request that has failed has failed for its first reason", (t) => {
  t.deepEqual(failed.state, { kind: "failed", failure: "refused", failedAt: 5_000n });
  t.is(fail(failed, "timed_out", 6_000n), failed);
  t.is(dueAtOf(failed), 5_000n + 30n * day);
});

test("a code is shown before it is late, and stays shown", (t) => {
  const shown = show(forWeb, late - 1n);
  t.deepEqual(shown.state, { kind: "web", code, receivedAt: 5_000n, shownAt: late - 1n });
  t.false(isToBeShown(shown));
  t.deepEqual([dueAtOf(shown), sendAtOf(shown)], [undefined, undefined]);
  for (const at of [late, over, 365n * day]) {
    t.is(show(shown, at), shown);
    t.is(passTime(shown, at), shown);
  }
});

test("a code that is late is not shown any more, and leaves by SMS", (t) => {
  for (const pass of [show, passTime]) {
    const request = pass(forWeb, late);
    t.like(request.state, { kind: "sms", code, receivedAt: 5_000n });
    t.is(sendAtOf(request), late);
    t.is(show(request, late), request);
  }
});

test("showing shows no code that is not for the web", (t) => {
  for (const state of ["processing", "failed", "for the SMS", "sent by SMS"]) {
    const request = states[state] ?? asked;
    t.is(show(request, 6_000n), request, state);
  }
});

test("a request fails by itself when its time is up, and not before", (t) => {
  t.is(passTime(asked, over - 1n), asked);
  t.deepEqual(passTime(asked, over).state, { kind: "failed", failure: "timed_out", failedAt: over });
});

test("nothing becomes of any other request by itself", (t) => {
  for (const state of ["failed", "shown", "for the SMS", "sent by SMS"]) {
    const request = states[state] ?? asked;
    t.is(passTime(request, 365n * day), request, state);
  }
  t.is(passTime(forWeb, late - 1n), forWeb);
});

test("an SMS is sent once", (t) => {
  const sent = noteSent(forSms, 41_000n);
  t.like(sent.state, { sending: { kind: "sent", sentAt: 41_000n } });
  t.is(sendAtOf(sent), undefined);
  t.is(noteSent(sent, 42_000n), sent);
  t.is(noteUnsent(sent, 50_000n, 42_000n), sent);
});

test("an SMS that cannot be sent is tried again, for a week", (t) => {
  let request = forSms;
  for (let attempts = 1; attempts <= 5; attempts++) {
    const dueAt = BigInt(attempts) * day;
    request = noteUnsent(request, dueAt, dueAt - 1n);
    t.like(request.state, { sending: { kind: "waiting", attempts, dueAt } });
    t.is(sendAtOf(request), dueAt);
  }
  const lost = noteUnsent(request, 9n * day, 5_000n + 7n * day);
  t.like(lost.state, { kind: "sms", code, sending: { kind: "given_up", attempts: 6 } });
  t.is(sendAtOf(lost), undefined);
});

test("an SMS can be noted for no code that is not for it", (t) => {
  for (const state of ["processing", "failed", "for the web", "shown"]) {
    const request = states[state] ?? asked;
    t.is(noteSent(request, 6_000n), request, state);
    t.is(noteUnsent(request, 7_000n, 6_000n), request, state);
  }
});

test("an SMS thanks for patience only who needed some", (t) => {
  t.is(messageWith("ABC", asked, onTime), "Thank you for using our services, your voucher code is ready: ABC");
  const tooLate = { receivedAt: late };
  t.is(messageWith("ABC", asked, tooLate), "Thank you for your patience, your voucher code is ready: ABC");
});

/** Everything that can happen to a request. */
const happenings: Readonly<Record<string, (request: VoucherRequest, now: bigint) => VoucherRequest>> = {
  "a code for the web": (request, now) => receive(request, { code, receivedAt: now, channel: "web" }, now),
  "a code for the SMS": (request, now) => receive(request, { code, receivedAt: now, channel: "sms" }, now),
  "another code": (request, now) => receive(request, { code: codeOf("other"), receivedAt: now, channel: "web" }, now),
  "a refusal": (request, now) => fail(request, "refused", now),
  "a failure": (request, now) => fail(request, "timed_out", now),
  "somebody looks": show,
  "time passes": passTime,
  "the SMS leaves": noteSent,
  "the SMS does not leave": (request, now) => noteUnsent(request, now + 1_000n, now),
};

test("whatever happens in whatever order, a code that came is told in one channel, and in the same for good", (t) => {
  const step = fc.record({ what: fc.constantFrom(...Object.keys(happenings)), after: fc.bigInt(0n, 20_000n) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let request = asked;
      let now = 1_000n;
      let first: KeptCode | undefined;
      const told = new Set<string>();
      for (const { what, after } of steps) {
        now += after;
        const before = request;
        request = happenings[what]?.(request, now) ?? request;
        const { state } = request;
        if (hasCode(before) && !hasCode(request)) return false;
        if (state.kind === "web" && state.shownAt !== undefined) told.add("web");
        if (state.kind === "sms" && state.sending.kind === "sent") told.add("sms");
        if (hasCode(request)) {
          first ??= request.state.code;
          if (request.state.code !== first) return false;
        }
        if (before.state.kind === "sms" && state.kind !== "sms") return false;
      }
      return told.size <= 1;
    }),
    { numRuns: 2_000 },
  );
  t.pass();
});
