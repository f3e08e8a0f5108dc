import { create } from "@bufbuild/protobuf";
import test from "ava";
import { PointsService } from "../../gen/giftmesh/wallet/v1/points_service_pb.ts";
import { KeyClaims } from "./key-claims.ts";
import { Receipt } from "./receipt.ts";
import { Refusal, Unavailable } from "./refusal.ts";
import { Call } from "./rpc/call.ts";
import { failureOfCall, visible } from "./rpc/testing/failure.ts";
import { engines } from "./testing/engines.ts";
import { type Flow, heldFlow, keyedFlowsOn } from "./testing/keyed-flows.ts";

const reused = { reason: "IDEMPOTENCY_KEY_REUSED", kind: "conflict" };
const unavailable = { kind: "unavailable" };
const second = 1_000_000n;
const day = 86_400n * second;

/** Thrown by flows of these tests. */
class TooLittle extends Refusal {
  constructor() {
    super("rule", { reason: "TOO_LITTLE", message: "Too little" });
  }
}

/** A whole flow. */
const answering = (balance: string) => async (flow: Flow) => {
  await flow.begin();
  return flow.end(balance);
};

/** One that dies half way. */
const dying = async ({ begin }: Flow) => {
  await begin();
  throw new Error("The process has died");
};

/** One that is refused half way, and has let go of everything. */
const refused = async ({ begin }: Flow) => {
  await begin();
  throw new TooLittle();
};

/** One that is refused before it has begun. */
const refusedAtOnce = async () => {
  throw new TooLittle();
};

const never = async () => {
  throw new Error("This is not to be run");
};

for (const setting of await Promise.all(engines().map(keyedFlowsOn))) {
  const { engine, database, newReplica, here, other, newKey, setBack, effects, purge, close } = setting;
  const on = `on ${engine.name}`;
  const failure = async (asked: Promise<unknown>) => visible(await failureOfCall(asked));

  test.after.always(async () => {
    await close();
    await engine.remove();
  });

  test.serial(
    `a run that is not committed is given the answer of one that is, from another replica ${on}`,
    async (t) => {
      const [key, before] = [newKey(), await effects()];
      const another = () => other("1", key, answering("the other's"));
      const run = (flow: Flow) => flow.endAtSecondTry("its own", another);
      t.like(await here("1", key, run), { balance: "the other's" });
      t.like(await here("1", key, never), { balance: "the other's" });
      t.is((await effects()) - before, 1);
    },
  );

  test.serial(`while a request is under way, another one under its key has no effect, anywhere ${on}`, async (t) => {
    const [key, before, first] = [newKey(), await effects(), heldFlow()];
    const asked = here("1", key, first.run);
    await first.reached;
    t.like(await failure(other("2", key, answering("2"))), reused);
    t.like(await failure(other("2", key, refusedAtOnce)), reused);
    first.goOn(({ end }) => end("1"));
    const answer = await asked;
    t.is(answer.balance, "1");
    for (const replica of [here, other]) {
      t.deepEqual(await replica("1", key, never), answer);
      t.like(await failure(replica("2", key, never)), reused);
    }
    t.is((await effects()) - before, 1);
  });

  test.serial(`of two requests under one key that begin at once one goes on ${on}`, async (t) => {
    for (let round = 0; round < 50; round++) {
      const key = newKey();
      const begun: string[] = [];
      const beginning = (amount: string) => async (flow: Flow) => {
        await flow.begin();
        begun.push(amount);
        return flow.end(amount);
      };
      const settled = await Promise.allSettled([here("1", key, beginning("1")), other("2", key, beginning("2"))]);
      t.deepEqual(settled.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
      for (const one of settled) if (one.status === "rejected") t.like(visible(one.reason), reused);
      t.deepEqual(begun, [settled[0].status === "fulfilled" ? "1" : "2"]);
    }
  });

  test.serial(`a request whose process has died is gone on with when it comes again ${on}`, async (t) => {
    for (const replica of [here, other]) {
      const [key, before] = [newKey(), await effects()];
      t.like(await failure(here("1", key, dying)), { message: "The process has died" });
      t.like(await failure(other("2", key, never)), reused);
      const answer = await replica("1", key, answering("1"));
      t.deepEqual(await other("1", key, never), answer);
      t.is((await effects()) - before, 1);
    }
  });

  test.serial(`two runs of one request that go on at once have one effect and one answer ${on}`, async (t) => {
    for (let round = 0; round < 50; round++) {
      const [key, before] = [newKey(), await effects()];
      const answers = await Promise.all([here("1", key, answering("here")), other("1", key, answering("there"))]);
      t.is(new Set(answers.map(({ balance }) => balance)).size, 1);
      t.is((await effects()) - before, 1);
    }
  });

  test.serial(`what refuses a request half way is its outcome ${on}`, async (t) => {
    const key = newKey();
    const first = await failure(here("1", key, refused));
    t.like(first, { reason: "TOO_LITTLE" });
    const requestId = `request-${key}-1`;
    t.deepEqual(await failure(other("1", key, never)), { ...first, requestId });
    t.deepEqual(await failure(here("1", key, never)), { ...first, requestId });
    t.like(await failure(other("2", key, never)), reused);
  });

  test.serial(
    `who is refused while the same request is under way again does not know what comes of it ${on}`,
    async (t) => {
      const [key, first, next] = [newKey(), heldFlow(), heldFlow()];
      const one = failure(here("1", key, first.run));
      await first.reached;
      const two = other("1", key, next.run);
      await next.reached;
      first.goOn(refusedAtOnce);
      t.like(await one, unavailable);
      next.goOn(({ end }) => end("1"));
      const answer = await two;
      t.deepEqual(await here("1", key, never), answer);
    },
  );

  test.serial(`where that one is refused too, that is the outcome ${on}`, async (t) => {
    const [key, first, next] = [newKey(), heldFlow(), heldFlow()];
    const one = failure(here("1", key, first.run));
    await first.reached;
    const two = failure(other("1", key, next.run));
    await next.reached;
    next.goOn(refusedAtOnce);
    t.like(await two, { reason: "TOO_LITTLE" });
    first.goOn(refusedAtOnce);
    t.like(await one, { reason: "TOO_LITTLE" });
    t.like(await failure(here("1", key, never)), { reason: "TOO_LITTLE" });
  });

  test.serial(`who is refused before they begin does not end who has begun ${on}`, async (t) => {
    const [key, first] = [newKey(), heldFlow()];
    const asked = here("1", key, first.run);
    await first.reached;
    t.like(await failure(other("1", key, refusedAtOnce)), unavailable);
    first.goOn(({ end }) => end("1"));
    t.is((await asked).balance, "1");
    t.is((await other("1", key, never)).balance, "1");
  });

  test.serial(`who ends in one step what another run has begun does not end it ${on}`, async (t) => {
    const [key, before, first] = [newKey(), await effects(), heldFlow()];
    const asked = here("1", key, first.run);
    await first.reached;
    t.like(await failure(other("1", key, ({ end }) => end("there"))), unavailable);
    first.goOn(({ end }) => end("here"));
    t.is((await asked).balance, "here");
    t.is((await other("1", key, never)).balance, "here");
    t.is((await effects()) - before, 1);
  });

  test.serial(`a minute after a process has died its request may be refused ${on}`, async (t) => {
    const key = newKey();
    t.like(await failure(here("1", key, dying)), { message: "The process has died" });
    t.like(await failure(other("1", key, refusedAtOnce)), unavailable);
    await setBack(61n * second);
    t.like(await failure(other("1", key, refusedAtOnce)), { reason: "TOO_LITTLE" });
    t.like(await failure(here("1", key, never)), { reason: "TOO_LITTLE" });
  });

  test.serial(`of a request that goes on a minute after its process has died nobody else decides ${on}`, async (t) => {
    const [key, next] = [newKey(), heldFlow()];
    t.like(await failure(here("1", key, dying)), { message: "The process has died" });
    await setBack(61n * second);
    const asked = here("1", key, next.run);
    await next.reached;
    t.like(await failure(other("1", key, refusedAtOnce)), unavailable);
    next.goOn(({ end }) => end("1"));
    t.is((await asked).balance, "1");
  });

  test.serial(`who is refused a minute after another run was answered gives that answer ${on}`, async (t) => {
    const [key, next] = [newKey(), heldFlow()];
    const asked = other("1", key, next.run);
    await next.reached;
    const answer = await here("1", key, answering("1"));
    await setBack(61n * second);
    next.goOn(refusedAtOnce);
    t.deepEqual(await asked, answer);
    t.deepEqual(await here("1", key, never), answer);
  });

  test.serial(`who is refused does not end another request that has begun under the key meanwhile ${on}`, async (t) => {
    const [key, first] = [newKey(), heldFlow()];
    const begun = Promise.withResolvers<unknown>();
    const told = failure(
      other("2", key, async () => {
        // This one has looked already, and found nothing.
        begun.resolve(here("1", key, first.run).catch((error) => error));
        await first.reached;
        await setBack(61n * second);
        return refusedAtOnce();
      }),
    );
    t.like(await told, reused);
    first.goOn(({ end }) => end("1"));
    t.like(await begun.promise, { balance: "1" });
    t.like(await here("1", key, never), { balance: "1" });
  });

  test.serial(`who begins what has been answered meanwhile gives that answer ${on}`, async (t) => {
    const key = newKey();
    const first = await here("1", key, async (flow) => {
      // This one has looked already, and found nothing.
      t.is((await other("1", key, answering("there"))).balance, "there");
      return answering("here")(flow);
    });
    t.is(first.balance, "there");
  });

  test.serial(`what may go through later is not the outcome, but the key stays its request's ${on}`, async (t) => {
    const key = newKey();
    const later = async ({ begin }: Flow) => {
      await begin();
      throw new Unavailable();
    };
    t.like(await failure(here("1", key, later)), unavailable);
    t.like(await failure(other("2", key, never)), reused);
    t.is((await other("1", key, answering("1"))).balance, "1");
  });

  test.serial(
    `who forgets what is a day old forgets no answer that has come in its place meanwhile ${on}`,
    async (t) => {
      const [key, before] = [newKey(), await effects()];
      t.like(await failure(here("1", key, dying)), { message: "The process has died" });
      await setBack(day);
      const slow = newReplica({
        ...database,
        write: async (statements) => {
          await other("1", key, answering("there"));
          return database.write(statements);
        },
      });
      t.is((await slow("1", key, answering("here"))).balance, "there");
      t.is((await effects()) - before, 1);
    },
  );

  test.serial(`claims are forgotten after a day, as answers are ${on}`, async (t) => {
    for (const forget of [purge, async () => undefined]) {
      const key = newKey();
      t.like(await failure(here("1", key, dying)), { message: "The process has died" });
      await setBack(day - 60n * second);
      await forget();
      t.like(await failure(other("2", key, never)), reused);
      await setBack(120n * second);
      await forget();
      t.is((await other("2", key, answering("2"))).balance, "2");
    }
  });
}

test("a step that is refused claims no key, and lets go of none", (t) => {
  const call = new Call({ requestId: "test", idempotencyKey: "key" });
  const method = PointsService.method.chargePoints;
  const receipt = new Receipt(method, create(method.input, { memberId: "me", amount: "1" }), call, "sqlite");
  const keys = new KeyClaims([]);
  const refuse = () =>
    keys.under(receipt, () => {
      throw new TooLittle();
    });
  t.throws(refuse, { instanceOf: TooLittle });
  t.deepEqual([receipt.claimed, keys.statements], [false, []]);
  keys.under(receipt, () => undefined);
  t.throws(refuse, { instanceOf: TooLittle });
  t.deepEqual([receipt.claimed, keys.statements.length], [true, 1]);
});
