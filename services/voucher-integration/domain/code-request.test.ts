import test from "ava";
import fc from "fast-check";
import {
  acknowledge,
  type CodeRequest,
  callBack,
  giveUp,
  type HandedCode,
  leaveAlone,
  newRequest,
  postpone,
  receive,
  refuse,
  release,
  type Step,
} from "./code-request.ts";

const second = 1_000_000n;
const lateAfterMs = 30_000;
const asked = newRequest({ id: 7n, phoneNumber: "+84909123456", requestedAt: 0n }, 600_000, 0n);

const sealedAs = (text: string): HandedCode => {
  const searchKey = Buffer.from(text);
  return { searchKey, sealed: searchKey, sealKeyId: "key" };
};

function after(step: Step): CodeRequest {
  if (step.kind !== "taken") throw new Error(step.kind);
  return step.request;
}

const calledBack = (request: CodeRequest, challenge: string, code: string, at: bigint) =>
  callBack(
    request,
    { challenge, code: sealedAs(code), searchKeys: [Buffer.from("other"), Buffer.from(code)] },
    lateAfterMs,
    at,
  );

test("a code is for the web until the 30 s are over, and for SMS from then on", (t) => {
  const at = (instant: bigint) => receive(asked, sealedAs("code"), lateAfterMs, instant);
  t.like(at(30n * second - 1n), { kind: "taken", outcome: { kind: "code", channel: "web" } });
  t.like(at(30n * second), { kind: "taken", outcome: { kind: "code", channel: "sms" } });
});

test("time is up at its very instant, for a code too", (t) => {
  const over = 600n * second;
  const acknowledged = after(acknowledge(asked, "c", lateAfterMs, second));
  t.like(giveUp(asked, over - 1n), { kind: "left" });
  for (const request of [asked, acknowledged]) {
    t.like(giveUp(request, over), { outcome: { kind: "failure", why: "timed_out" } });
    t.like(receive(request, sealedAs("code"), lateAfterMs, over), { kind: "left" });
  }
  t.like(acknowledge(asked, "c", lateAfterMs, over), { kind: "left" });
  t.like(calledBack(acknowledged, "c", "code", over), { kind: "left" });
  t.like(calledBack(acknowledged, "c", "code", over - 1n), { kind: "taken" });
});

test("a code that was called back may be called back again, and another may not", (t) => {
  const received = after(calledBack(after(acknowledge(asked, "c", lateAfterMs, 0n)), "c", "code", second));
  t.is(calledBack(received, "c", "code", 601n * second).kind, "repeated");
  t.is(calledBack(received, "c", "another", second).kind, "left");
  t.is(calledBack(received, "d", "code", second).kind, "left");
});

test("a code that came by asking again may be called back too, and another may not", (t) => {
  const acknowledged = after(acknowledge(asked, "c", lateAfterMs, 0n));
  const received = after(receive(acknowledged, sealedAs("code"), lateAfterMs, 33n * second));
  t.is(calledBack(received, "c", "code", 34n * second).kind, "repeated");
  t.is(calledBack(received, "c", "another", 34n * second).kind, "left");
  t.is(receive(received, sealedAs("code"), lateAfterMs, 34n * second).kind, "left");
});

test("whoever was not acknowledged is not called back", (t) => {
  t.is(calledBack(asked, "c", "code", second).kind, "left");
  t.is(calledBack(after(receive(asked, sealedAs("code"), lateAfterMs, 0n)), "c", "code", second).kind, "left");
});

test("a no does not undo an acknowledgement, and a second acknowledgement changes nothing", (t) => {
  const acknowledged = after(acknowledge(asked, "c", lateAfterMs, 0n));
  t.is(refuse(acknowledged, second).kind, "left");
  t.is(acknowledge(acknowledged, "d", lateAfterMs, second).kind, "left");
});

test("what was acknowledged is asked for again when it is late, and then after pauses that double to two minutes", (t) => {
  let request = after(acknowledge(asked, "c", lateAfterMs, 3n * second));
  const askedAgainAt: bigint[] = [];
  while (request.dueAt < request.givesUpAt) {
    askedAgainAt.push(request.dueAt / second);
    request = after(leaveAlone(request, "", lateAfterMs, request.dueAt));
  }
  t.deepEqual(askedAgainAt, [33n, 66n, 132n, 252n, 372n, 492n]);
});

test("what was asked for again is left alone, or given back, by who has the lease, and stays acknowledged", (t) => {
  const leased = { ...after(acknowledge(asked, "c", lateAfterMs, 0n)), lease: "mine" };
  const acknowledged = { state: "acknowledged", challenge: "c", attempts: 0 } as const;
  const alone = leaveAlone(leased, "mine", lateAfterMs, second);
  t.like(alone, { request: { ...acknowledged, dueAt: 31n * second } });
  t.like(release(leased, "mine", second), { request: { ...acknowledged, dueAt: second } });
  for (const request of [
    { ...leased, lease: "theirs" },
    { ...asked, lease: "mine" },
    after(giveUp(leased, 600n * second)),
  ]) {
    t.is(leaveAlone(request, "mine", lateAfterMs, second).kind, "left");
  }
});

test("only who has the lease puts a request off, or gives it back", (t) => {
  const leased = { ...asked, lease: "mine", dueAt: 5n * second };
  t.like(postpone(leased, "mine", 250.5, second), { request: { attempts: 1, dueAt: second + 251_000n } });
  t.like(release(leased, "mine", second), { request: { attempts: 0, dueAt: second } });
  for (const step of [postpone, release] as const) {
    t.is(step(leased, "theirs", 250 as never, second).kind, "left");
    t.is(step(after(refuse(leased, second)), "mine", 250 as never, second).kind, "left");
  }
});

const instants = fc.bigInt({ min: 0n, max: 700n * second });
const happenings = fc.oneof(
  fc
    .constantFrom("c", "d")
    .map((challenge) => (request: CodeRequest, at: bigint) => acknowledge(request, challenge, lateAfterMs, at)),
  fc.tuple(fc.constantFrom("c", "d"), fc.constantFrom("code", "another")).map(
    ([challenge, code]) =>
      (request: CodeRequest, at: bigint) =>
        calledBack(request, challenge, code, at),
  ),
  fc
    .constantFrom("code", "another")
    .map((code) => (request: CodeRequest, at: bigint) => receive(request, sealedAs(code), lateAfterMs, at)),
  fc.constant(refuse),
  fc.constant(giveUp),
  fc.constant((request: CodeRequest, at: bigint) => postpone(request, "", 1, at)),
  fc.constant((request: CodeRequest, at: bigint) => leaveAlone(request, "", lateAfterMs, at)),
  fc.constant((request: CodeRequest, at: bigint) => release(request, "", at)),
);

test("whatever happens in whatever order, one outcome at most is told, and a challenge stays what it is", (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(happenings, instants), { maxLength: 30 }), (history) => {
      let request = asked;
      let outcomes = 0;
      for (const [happen, at] of history) {
        const step = happen(request, at);
        if (step.kind !== "taken") continue;
        if (step.outcome) outcomes++;
        if (request.challenge !== undefined && step.request.challenge !== request.challenge) return false;
        request = step.request;
      }
      const isSettled = request.state === "received" || request.state === "failed";
      return outcomes === (isSettled ? 1 : 0) && isSettled === (request.settledAt !== undefined);
    }),
  );
  t.pass();
});
