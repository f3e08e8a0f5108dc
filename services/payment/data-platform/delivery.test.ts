import test from "ava";
import { type Answer, type Delivery, idOf, nextStep, usualPolicy } from "./delivery.ts";

const delivery: Delivery = {
  place: 1n,
  type: "order.paid",
  orderId: 17n,
  userId: 3n,
  body: Buffer.from("{}"),
  occurredAt: 0n,
  attempts: 0,
  error: "",
};

const stepAfter = (attempts: number, answer: Answer) => nextStep({ ...delivery, attempts }, answer, usualPolicy);

test("an event is known by its order and by what happened to it, with no full stop", (t) => {
  t.is(idOf(delivery), "order-17-paid");
  t.is(idOf({ ...delivery, type: "order.cancelled" }), "order-17-cancelled");
});

test("a delivery that was taken is over, after however many failures", (t) => {
  for (const attempts of [0, 11]) t.deepEqual(stepAfter(attempts, { kind: "taken" }), { kind: "close" });
});

test("a platform that was not reached costs no attempt, however often", (t) => {
  for (const attempts of [0, 11]) {
    t.deepEqual(stepAfter(attempts, { kind: "unreachable", error: "no" }), { kind: "leave" });
  }
});

for (const kind of ["refused", "overloaded"] as const) {
  test(`a delivery that is ${kind} is tried again after pauses that double, from half a second to five minutes`, (t) => {
    const seconds = [0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300];
    for (const [attempts, pause] of seconds.entries()) {
      const step = stepAfter(attempts, { kind, error: "no" });
      if (step.kind !== "retry") return t.fail();
      t.is(step.attempts, attempts + 1);
      t.is(step.error, "no");
      // Up to half of it is left to chance.
      t.true(step.pauseMs > pause * 500 && step.pauseMs <= pause * 1_000);
    }
  });

  test(`a delivery that is ${kind} for the twelfth time is given up`, (t) => {
    t.deepEqual(stepAfter(11, { kind, error: "no" }), { kind: "give_up", attempts: 12, error: "no" });
  });
}
