import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { type Circumstances, Lane, type LaneOptions } from "./lane.ts";
import { Refusal } from "./refusal.ts";

class Odd extends Refusal {
  constructor() {
    super("rule", { reason: "ODD", message: "No odd numbers" });
  }
}

const aside = { commitsAside: true, forUpdate: "wait", forUpdateAtOnce: "do not wait" };
const here = { ...aside, commitsAside: false };

/** A commit that is under way until it is told what becomes of it. */
interface Sent {
  readonly commands: readonly number[];
  /** Whether it waits for rows that somebody else has locked. */
  readonly waits: boolean;
  readonly isEarlierSettled: () => boolean;
  readonly end: () => void;
  readonly fail: (error: Error) => void;
}

/** A lane that doubles even numbers and refuses odd ones, and the commits that it has sent. */
function newLane(options: LaneOptions = {}) {
  const sent: Sent[] = [];
  const commit = async (commands: readonly number[], { earlier, forUpdate }: Circumstances) => {
    let isSettled = earlier === undefined;
    void earlier?.then(() => {
      isSettled = true;
    });
    const { promise, resolve: end, reject: fail } = Promise.withResolvers<void>();
    sent.push({ commands, waits: forUpdate === aside.forUpdate, isEarlierSettled: () => isSettled, end, fail });
    await promise;
    return commands.map((one) => (one % 2 === 0 ? { answer: one * 2 } : { refusal: new Odd() }));
  };
  const lane = new Lane<number, number>(commit, options);
  const submit = (...commands: readonly number[]) => Promise.allSettled(commands.map((one) => lane.submit(one)));
  return { lane, sent, submit };
}

/** Long enough for whatever is to happen by itself. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await nextTurn();
}

/** Fails these commits, each as soon as it is sent. */
async function failEach(sent: readonly Sent[], indexes: readonly number[], failure: () => Error): Promise<void> {
  for (const index of indexes) {
    while (sent.length <= index) await sleep(1);
    sent[index]?.fail(failure());
  }
}

const range = (count: number) => Array.from({ length: count }, (_, index) => index);
const answers = (...values: readonly number[]) => values.map((value) => ({ status: "fulfilled", value }) as const);
const lockedOut = () => Object.assign(new Error("Lock wait timeout exceeded"), { code: "ER_LOCK_WAIT_TIMEOUT" });
const lost = () => Object.assign(new Error("Connection lost"), { code: "ECONNRESET" });

for (const commitsAside of [false, true]) {
  const where = commitsAside ? "where it commits aside" : "where it does not commit aside";

  test(`what comes while a batch commits goes into the next ${where}`, async (t) => {
    const { sent, submit } = newLane({ database: commitsAside ? aside : here });
    const first = submit(2, 3);
    await settle();
    const others = [submit(4), submit(6, 8)];
    await settle();
    t.deepEqual(
      sent.map(({ commands }) => commands),
      [[2, 3]],
    );
    sent[0]?.end();
    await settle();
    t.deepEqual(sent[1]?.commands, [4, 6, 8]);
    sent[1]?.end();
    const [two, three] = await first;
    t.deepEqual(two, answers(4)[0]);
    t.like(three, { status: "rejected", reason: { reason: "ODD" } });
    t.deepEqual(await Promise.all(others), [answers(8), answers(12, 16)]);
  });
}

const twoUnderWay: LaneOptions = { database: aside, underWay: 2 };

test("where two batches may be under way, the next is sent once it is as large as the one before", async (t) => {
  const { sent, submit } = newLane(twoUnderWay);
  const first = submit(2, 4);
  await settle();
  const second = submit(6);
  await settle();
  t.is(sent.length, 1);
  const third = submit(8, 10);
  await settle();
  t.deepEqual(sent[1]?.commands, [6, 8, 10]);
  t.false(sent[1]?.isEarlierSettled());
  const fourth = submit(12, 14, 16, 18);
  await settle();
  t.is(sent.length, 2);
  sent[0]?.end();
  t.deepEqual(await first, answers(4, 8));
  await settle();
  t.true(sent[1]?.isEarlierSettled());
  t.deepEqual(sent[2]?.commands, [12, 14, 16, 18]);
  t.false(sent[2]?.isEarlierSettled());
  sent[1]?.end();
  sent[2]?.end();
  t.deepEqual(await Promise.all([second, third, fourth]), [answers(12), answers(16, 20), answers(24, 28, 32, 36)]);
});

test("a batch that is smaller than the one before is sent once that is settled", async (t) => {
  const { sent, submit } = newLane(twoUnderWay);
  const first = submit(2, 4);
  await settle();
  const second = submit(6);
  await settle();
  sent[0]?.end();
  await settle();
  t.deepEqual(sent[1]?.commands, [6]);
  t.true(sent[1]?.isEarlierSettled());
  sent[1]?.end();
  t.deepEqual(await Promise.all([first, second]), [answers(4, 8), answers(12)]);
});

test("a batch that fails is run again only once the one before is settled, whatever comes of that", async (t) => {
  const { sent, submit } = newLane(twoUnderWay);
  const [first, second] = [submit(2), settle().then(() => submit(4))];
  while (sent.length < 2) await sleep(1);
  sent[1]?.fail(lost());
  sent[0]?.fail(lost());
  // The second failed first, but it is the first that is run again.
  while (sent.length < 3) await sleep(1);
  t.deepEqual(sent[2]?.commands, [2]);
  await sleep(60);
  t.is(sent.length, 3);
  sent[2]?.fail(new Error("Disk gone"));
  while (sent.length < 4) await sleep(1);
  t.deepEqual(sent[3]?.commands, [4]);
  t.true(sent[3]?.isEarlierSettled());
  sent[3]?.end();
  t.like((await first)[0], { status: "rejected", reason: { message: "Disk gone" } });
  t.deepEqual(await second, answers(8));
});

test("a batch that fails for good is halved only once the one before is settled", async (t) => {
  const { sent, submit } = newLane(twoUnderWay);
  const [first, second] = [submit(2), settle().then(() => submit(4, 6))];
  while (sent.length < 2) await sleep(1);
  sent[1]?.fail(new Error("Too long"));
  await settle();
  t.is(sent.length, 2);
  sent[0]?.end();
  await settle();
  t.deepEqual(sent[2]?.commands, [4]);
  sent[2]?.fail(new Error("Too long"));
  await settle();
  t.deepEqual(sent[3]?.commands, [6]);
  sent[3]?.end();
  t.deepEqual(await first, answers(4));
  const [four, six] = await second;
  t.like(four, { status: "rejected", reason: { message: "Too long" } });
  t.deepEqual(six, answers(12)[0]);
});

const full = () => Object.assign(new Error("The disk is full"), { code: "ER_DISK_FULL" });
const taken = () => Object.assign(new Error("Duplicate entry"), { code: "ER_DUP_ENTRY" });
for (const [title, failure, times] of [
  ["for a passing reason, five times,", lost, 5],
  ["because there is no room,", full, 1],
] as const) {
  test(`a batch that fails ${title} is nobody's fault, and fails as a whole`, async (t) => {
    const { sent, submit } = newLane({ database: aside });
    const failed = submit(2, 4);
    await failEach(sent, range(times), failure);
    const { message } = failure();
    for (const one of await failed) t.like(one, { status: "rejected", reason: { message } });
    t.deepEqual(
      sent.map(({ commands }) => commands),
      range(times).map(() => [2, 4]),
    );
  });
}

test("whose key is taken looks once more what took it, and then is it by itself", async (t) => {
  const { sent, submit } = newLane({ database: aside });
  const both = submit(2, 4);
  await failEach(sent, [0, 1], taken);
  while (sent.length < 3) await sleep(1);
  t.deepEqual(sent[2]?.commands, [2]);
  sent[2]?.end();
  while (sent.length < 4) await sleep(1);
  sent[3]?.end();
  t.deepEqual(await both, answers(4, 8));
  t.deepEqual(
    sent.map(({ commands }) => commands),
    [[2, 4], [2, 4], [2], [4]],
  );
});

test("where somebody has a row locked, only those fail that need it, and the others wait for none but the first time", async (t) => {
  const { sent, submit } = newLane({ database: aside });
  const [two, four, six] = [submit(2), submit(4), submit(6)];
  await settle();
  sent[0]?.fail(lockedOut());
  await settle();
  sent[1]?.end();
  t.deepEqual(await two, answers(4));
  // Another replica may have a row for a moment.
  await failEach(sent, [2, 3, 4], lockedOut);
  t.like((await four)[0], { status: "rejected", reason: { code: "ER_LOCK_WAIT_TIMEOUT" } });
  await settle();
  sent[5]?.end();
  t.deepEqual(await six, answers(12));
  t.deepEqual(
    sent.map(({ commands, waits }) => [commands, waits]),
    [
      [[2, 4, 6], true],
      [[2], false],
      [[4], false],
      [[4], false],
      [[4], false],
      [[6], false],
    ],
  );
  const next = submit(8);
  await settle();
  t.true(sent[6]?.waits);
  sent[6]?.end();
  t.deepEqual(await next, answers(16));
});

test("what nobody waits for any more is not tried once more, however many need a row that is locked", async (t) => {
  const { lane, sent } = newLane({ database: aside });
  const soon = Date.now() + 500;
  const [one, late, patient] = [lane.submit(2, soon), lane.submit(4, soon), lane.submit(6)];
  await settle();
  sent[0]?.fail(lockedOut());
  await settle();
  t.deepEqual(sent[1]?.commands, [2]);
  await sleep(600);
  await failEach(sent, [1, 2, 3], lockedOut);
  await t.throwsAsync(one, { message: "Lock wait timeout exceeded" });
  await settle();
  t.deepEqual(sent[4]?.commands, [6]);
  sent[4]?.end();
  await t.throwsAsync(late, { message: "The deadline has passed" });
  t.is(await patient, 12);
});

test("no more wait than may, and none beyond its deadline", async (t) => {
  const { lane, sent, submit } = newLane({ limits: { batch: 2, waiting: 3 } });
  const first = submit(2);
  await settle();
  const late = lane.submit(4, Date.now() - 1);
  const others = submit(6, 8);
  await t.throwsAsync(lane.submit(10), { message: "Too many requests waiting" });
  sent[0]?.end();
  await t.throwsAsync(late, { message: "The deadline has passed" });
  await settle();
  t.deepEqual(sent[1]?.commands, [6]);
  sent[1]?.end();
  await settle();
  t.deepEqual(sent[2]?.commands, [8]);
  sent[2]?.end();
  t.deepEqual(await Promise.all([first, others]), [answers(4), answers(12, 16)]);
});
