import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { VoucherService } from "../../../gen/giftmesh/voucher/v1/voucher_service_pb.ts";
import { LedgerService } from "../../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import { Call } from "./call.ts";
import type { Handlers } from "./handler.ts";
import { echo, serveTransfers, transferRequest } from "./testing/ledger.ts";
import { clientsOf, startProcess } from "./testing/mesh.ts";
import { serveOnly } from "./testing/serve-only.ts";

const callFor = (ms: number) => new Call({ requestId: "r", deadline: Date.now() + ms });

/** An RPC that waits for news that never come, who waits, and an RPC of the same service that waits for nothing. */
function waiting() {
  let waiters = 0;
  const getRequestedCode: Handlers<typeof VoucherService>["getRequestedCode"] = async (
    { requestId },
    { cancelled },
  ) => {
    waiters++;
    await sleep(60_000, undefined, cancelled && { signal: cancelled }).catch(() => undefined);
    waiters--;
    return { requestedCode: { requestId } };
  };
  const requestCode = async () => ({ requestId: 17n });
  return { served: serveOnly(VoucherService, { getRequestedCode, requestCode }), count: () => waiters };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(5);
}

test.serial("a server that stops has those who wait for news answered at once", async (t) => {
  const { served, count } = waiting();
  const { server, address } = await startProcess(t, [served]);
  const { getRequestedCode } = clientsOf(t, { voucher: address }).of(VoucherService);
  const answer = getRequestedCode({ requestId: 17n }, callFor(40_000));
  await until(() => count() === 1);
  const startedAt = performance.now();
  await server.stop();
  t.like(await answer, { requestedCode: { requestId: 17n } });
  t.true(performance.now() - startedAt < 3_000);
});

test.serial("who waits is let go where the caller goes away", async (t) => {
  const { served, count } = waiting();
  const { address } = await startProcess(t, [served]);
  const { getRequestedCode } = clientsOf(t, { voucher: address }).of(VoucherService);
  const gone = new AbortController();
  const call = callFor(40_000).with({ cancelled: gone.signal });
  const answer = t.throwsAsync(getRequestedCode({ requestId: 17n }, call));
  await until(() => count() === 1);
  gone.abort();
  await answer;
  await until(() => count() === 0);
});

test.serial("thousands who wait at a process hold up no other call to it", async (t) => {
  const { served, count } = waiting();
  const { server, address } = await startProcess(t, [served, serveTransfers(echo)]);
  const clients = clientsOf(t, { voucher: address, wallet: address });
  const { getRequestedCode } = clients.of(VoucherService);
  const answers = Promise.allSettled(
    Array.from({ length: 3_000 }, () => getRequestedCode({ requestId: 17n }, callFor(60_000))),
  );
  await until(() => count() === 3_000);
  const startedAt = performance.now();
  await clients.of(LedgerService).transfer(transferRequest({ id: "a" }), callFor(5_000));
  t.true(performance.now() - startedAt < 2_000);
  await server.stop();
  t.true((await answers).every(({ status }) => status === "fulfilled"));
});

test.serial("as many as may be unanswered wait at a service, and its other calls are answered", async (t) => {
  const { served, count } = waiting();
  const { address } = await startProcess(t, [served]);
  const clients = clientsOf(t, { voucher: address });
  await clients.healthOf("voucher").isReady(5_000);
  const { getRequestedCode, requestCode } = clients.of(VoucherService);
  const gone = new AbortController();
  const call = callFor(60_000).with({ cancelled: gone.signal });
  const answers = Promise.allSettled(Array.from({ length: 10_000 }, () => getRequestedCode({ requestId: 17n }, call)));
  await until(() => count() === 10_000);
  t.like(await requestCode({ phoneNumber: "+84912345678" }, callFor(5_000)), { requestId: 17n });
  gone.abort();
  await answers;
  await until(() => count() === 0);
});
