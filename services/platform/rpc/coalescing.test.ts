import { create } from "@bufbuild/protobuf";
import test from "ava";
import { CallerSchema, Role } from "../../../gen/giftmesh/common/v1/access_pb.ts";
import { LedgerService } from "../../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import { Refusal } from "../refusal.ts";
import { eventually } from "../testing/eventually.ts";
import { inBatches } from "./batch-twin.ts";
import { Call } from "./call.ts";
import type { Handler } from "./handler.ts";
import { failureOfCall, visible } from "./testing/failure.ts";
import { echo, serveTransfers, transferRequest } from "./testing/ledger.ts";
import { clientsOf, startProcess } from "./testing/mesh.ts";

type TransferHandler = Handler<typeof LedgerService.method.transfer>;

const soon = (ms = 10_000) => new Call({ requestId: "r", deadline: Date.now() + ms });

/** Counts the RPCs that come, alone and in batches; the first, which comes alone, is held until `release`. */
function countedLedger(handle: TransferHandler) {
  const alone: string[] = [];
  const batches: number[] = [];
  const held = Promise.withResolvers<void>();
  const served = serveTransfers(
    async (request, call) => {
      alone.push(request.id);
      if (alone.length === 1) await held.promise;
      return handle(request, call);
    },
    {
      batchTransfer: (batch, call) => {
        batches.push(batch.requests.length);
        return inBatches(handle)(batch, call);
      },
    },
  );
  return { served, alone, batches, release: held.resolve };
}

test("one call leaves at once and alone, and those after it too while none is in flight", async (t) => {
  const { served, alone, batches, release } = countedLedger(echo);
  release();
  const { address } = await startProcess(t, [served]);
  const ledger = clientsOf(t, { wallet: address }).of(LedgerService);
  for (const id of ["a", "b", "c"]) await ledger.transfer(transferRequest({ id }), soon());
  t.deepEqual(alone, ["a", "b", "c"]);
  t.deepEqual(batches, []);
});

test("1,000 calls at once leave in two RPCs, and each gets its own answer or refusal", async (t) => {
  const { served, alone, batches, release } = countedLedger(async ({ id }) => {
    if (id.endsWith("7")) throw new Refusal("rule", { reason: "UNLUCKY", message: `No ${id}` });
    if (id.endsWith("3")) throw new Error("secret");
    return { transfer: { id } };
  });
  const { address, lines } = await startProcess(t, [served]);
  const ledger = clientsOf(t, { wallet: address }).of(LedgerService);
  const ids = Array.from({ length: 1_000 }, (_, index) => `t-${index}`);
  const answers = ids.map((id) =>
    ledger.transfer(transferRequest({ id: id.endsWith("5") ? "" : id }), soon()).then(
      ({ transfer }) => transfer?.id,
      (error) => visible(error),
    ),
  );
  release();
  for (const [index, answer] of (await Promise.all(answers)).entries()) {
    const id = `t-${index}`;
    if (id.endsWith("7")) t.like(answer, { kind: "rule", reason: "UNLUCKY", message: `No ${id}` });
    else if (id.endsWith("3")) t.like(answer, { name: "InternalError" });
    else if (id.endsWith("5")) t.like(answer, { fields: [{ field: "id", description: "The id field is required." }] });
    else t.is(answer, id);
  }
  t.deepEqual(alone, ["t-0"]);
  t.deepEqual(batches, [899]);
  t.is(lines.length, 100);
});

test("more than a batch may hold leave in several, in the order in which they came", async (t) => {
  const order: string[] = [];
  const { served, batches, release } = countedLedger(async ({ id }) => {
    order.push(id);
    return { transfer: { id } };
  });
  const { address } = await startProcess(t, [served]);
  const ledger = clientsOf(t, { wallet: address }).of(LedgerService);
  const ids = Array.from({ length: 2_502 }, (_, index) => `t-${index}`);
  const answers = ids.map((id) => ledger.transfer(transferRequest({ id }), soon()));
  release();
  await Promise.all(answers);
  t.deepEqual(batches, [1_000, 1_000, 501]);
  t.deepEqual(order, ids);
});

test("a call that waits too long is refused at its own deadline and never sent", async (t) => {
  const { served, alone, batches, release } = countedLedger(echo);
  const { address } = await startProcess(t, [served]);
  const ledger = clientsOf(t, { wallet: address }).of(LedgerService);
  const first = ledger.transfer(transferRequest({ id: "first" }), soon());
  const hasty = ledger.transfer(transferRequest({ id: "hasty" }), soon(30));
  const patient = ledger.transfer(transferRequest({ id: "patient" }), soon());
  t.like(visible(await failureOfCall(hasty)), { kind: "unavailable" });
  release();
  t.like(await Promise.all([first, patient]), { 0: { transfer: { id: "first" } }, 1: { transfer: { id: "patient" } } });
  t.deepEqual(alone, ["first", "patient"]);
  t.deepEqual(batches, []);
});

test("a batch has until the latest deadline of its calls, and each call only until its own", async (t) => {
  let deadlineOfBatch = 0;
  const held = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const { address } = await startProcess(t, [
    serveTransfers(
      async (request, call) => {
        await held.promise;
        return echo(request, call);
      },
      {
        batchTransfer: async (batch, call) => {
          deadlineOfBatch = call.deadline;
          await release.promise;
          return inBatches(echo)(batch, call);
        },
      },
    ),
  ]);
  const ledger = clientsOf(t, { wallet: address }).of(LedgerService);
  const first = ledger.transfer(transferRequest(), soon());
  const hasty = ledger.transfer(transferRequest(), soon(1_500));
  const patient = ledger.transfer(transferRequest({ id: "patient" }), soon(20_000));
  held.resolve();
  await first;
  t.like(visible(await failureOfCall(hasty)), { kind: "unavailable" });
  // On a machine that is busy it arrives when the hasty one has given it up.
  await eventually(async () => deadlineOfBatch > 0);
  t.true(deadlineOfBatch > Date.now() + 5_000);
  release.resolve();
  t.like(await patient, { transfer: { id: "patient" } });
});

test("no more than 10,000 calls wait", async (t) => {
  const { served, release } = countedLedger(echo);
  const { address } = await startProcess(t, [served]);
  const ledger = clientsOf(t, { wallet: address }).of(LedgerService);
  const admitted = Array.from({ length: 10_001 }, () => ledger.transfer(transferRequest(), soon(60_000)));
  t.like(visible(await failureOfCall(ledger.transfer(transferRequest(), soon()))), { kind: "unavailable" });
  release();
  t.is((await Promise.all(admitted)).length, 10_001);
});

test("calls of different callers leave together, as nobody's", async (t) => {
  const callers: bigint[] = [];
  const held = Promise.withResolvers<void>();
  const { address } = await startProcess(t, [
    serveTransfers(
      async (request, call) => {
        await held.promise;
        return echo(request, call);
      },
      {
        batchTransfer: (batch, call) => {
          callers.push(call.caller.userId);
          return inBatches(echo)(batch, call);
        },
      },
    ),
  ]);
  const ledger = clientsOf(t, { wallet: address }).of(LedgerService);
  const answers = [1n, 2n, 3n].map((userId) => {
    const caller = create(CallerSchema, { userId, role: Role.USER });
    return ledger.transfer(transferRequest(), new Call({ requestId: "r", caller }));
  });
  held.resolve();
  await Promise.all(answers);
  t.deepEqual(callers, [0n]);
});

test("where a batch does not arrive, each of its calls is told", async (t) => {
  const held = Promise.withResolvers<void>();
  const { address, server } = await startProcess(t, [
    serveTransfers(async (request, call) => {
      await held.promise;
      return echo(request, call);
    }),
  ]);
  const ledger = clientsOf(t, { wallet: address }).of(LedgerService);
  const answers = Array.from({ length: 3 }, () => failureOfCall(ledger.transfer(transferRequest(), soon(1_000))));
  await server.stop();
  for (const failure of await Promise.all(answers)) t.like(visible(failure), { kind: "unavailable" });
  held.resolve();
});

test("a call that is not answered, as by a process that stands still, holds up no other for long", async (t) => {
  const { served, alone, release } = countedLedger(echo);
  const { address } = await startProcess(t, [served]);
  const ledger = clientsOf(t, { wallet: address }).of(LedgerService);
  const stuck = failureOfCall(ledger.transfer(transferRequest({ id: "stuck" }), soon(8_000)));
  const others = ["a", "b"].map((id) => ledger.transfer(transferRequest({ id }), soon(4_000)));
  t.like(await Promise.all(others), { 0: { transfer: { id: "a" } }, 1: { transfer: { id: "b" } } });
  t.like(await ledger.transfer(transferRequest({ id: "c" }), soon(4_000)), { transfer: { id: "c" } });
  t.deepEqual(alone, ["stuck", "c"]);
  t.like(visible(await stuck), { kind: "unavailable" });
  release();
});
