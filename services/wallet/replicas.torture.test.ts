import { randomUUID } from "node:crypto";
import test from "ava";
import { pino } from "pino";
import { LedgerService, SystemAccount } from "../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import { TransferType } from "../../gen/giftmesh/wallet/v1/transaction_pb.ts";
import { Refusal } from "../platform/refusal.ts";
import { Call } from "../platform/rpc/call.ts";
import { Dispatcher } from "../platform/rpc/dispatcher.ts";
import { MeshClients } from "../platform/rpc/mesh-clients.ts";
import { type Engine, engines } from "../platform/testing/engines.ts";
import { freePorts } from "../platform/testing/free-ports.ts";
import { startServices } from "../testing/processes.ts";
import { RestClient } from "../testing/rest-client.ts";
import { adminPassword, unlimited } from "../testing/running-mesh.ts";
import { rounds, timeLimitMs } from "../testing/scale.ts";

const transfers = rounds(20_000);
const inFlight = 64;
const users = [101n, 102n, 103n];
const expectedRefusals: ReadonlySet<string> = new Set(["INSUFFICIENT_BALANCE", "TRANSFER_VOIDED"]);
const log = pino({ level: "silent" });

const mysql = engines().find((engine) => engine.name === "MySQL");
const onMysql = mysql ? test : test.skip;

onMysql(`two processes on one MySQL make ${transfers} transfers between three wallets, each once`, async (t) => {
  t.timeout(timeLimitMs(30));
  const { environment, remove } = mysql as Engine;
  const [edge, ...ports] = await freePorts(4);
  const start = (edgePort: number | undefined, grpcPort: number | undefined) =>
    startServices([], {
      ...environment,
      ...unlimited,
      ADMIN_PASSWORD: adminPassword,
      EDGE_PORT: String(edgePort),
      GRPC_PORT: String(grpcPort),
    });
  const processes = [await start(edge, ports[0]), await start(ports[2], ports[1])];
  const clients = ports.slice(0, 2).map((port) => {
    const config = { addresses: { wallet: `127.0.0.1:${port}` }, grpcTls: undefined };
    return new MeshClients({ config, dispatcher: new Dispatcher({ log }), log });
  });
  const ledgers = clients.map((one) => one.of(LedgerService));

  const expected = new Map(users.map((user) => [user, 0n]));
  let next = 0;
  const transferOne = async (ledger: (typeof ledgers)[number] | undefined): Promise<void> => {
    const turn = next++;
    const debit = turn % 4 === 0 ? undefined : users[turn % 3];
    const credit = users[(turn + 1) % 3] as bigint;
    const minorUnits = BigInt(1 + (turn % 7));
    const request = {
      id: randomUUID(),
      debit:
        debit === undefined
          ? ({ owner: { case: "system", value: SystemAccount.PROMOTIONS } } as const)
          : ({ owner: { case: "userId", value: debit } } as const),
      credit: { owner: { case: "userId", value: credit } } as const,
      amount: { currencyCode: "SAR", minorUnits },
      type: TransferType.GIFT_CARD_REDEEM,
    };
    // The other process is asked the same at the same time, every so often.
    const asked = turn % 10 === 0 ? ledgers : [ledger];
    const call = () => new Call({ requestId: request.id, deadline: Date.now() + 60_000 });
    // And one of them is told, every so often, that it never will be.
    const voiding = turn % 7 === 3 ? ledgers[turn % 2]?.voidTransfer({ id: request.id }, call()) : undefined;
    const answers = await Promise.allSettled(asked.map((one) => one?.transfer(request, call())));
    const numbers = new Set(
      answers.map((one) => (one.status === "fulfilled" ? one.value?.transfer?.number : undefined)),
    );
    for (const one of answers) {
      if (one.status === "rejected" && !(one.reason instanceof Refusal && expectedRefusals.has(one.reason.reason))) {
        throw one.reason;
      }
    }
    if (voiding) t.true(numbers.has((await voiding).transfer?.number));
    if (!numbers.has(undefined)) t.is(numbers.size, 1);
    if (numbers.size === 1 && numbers.has(undefined)) return;
    if (debit !== undefined) expected.set(debit, (expected.get(debit) ?? 0n) - minorUnits);
    expected.set(credit, (expected.get(credit) ?? 0n) + minorUnits);
  };
  await Promise.all(
    Array.from({ length: inFlight }, async (_, place) => {
      while (next < transfers) await transferOne(ledgers[place % 2]);
    }),
  );

  const admin = await new RestClient(`http://127.0.0.1:${edge}`).login("admin", adminPassword);
  t.like((await admin.get("/admin-api/ledger/audit")).body.data, { balanced: true, differences: [] });
  for (const [user, balance] of expected) {
    const { wallet } =
      (await ledgers[0]?.getWallet({ key: { case: "userId", value: user } }, new Call({ requestId: "read" }))) ?? {};
    t.is(wallet?.balance?.minorUnits, balance);
  }
  for (const one of clients) one.close();
  for (const one of processes) t.is(await one.end("SIGTERM"), 0);
  await remove();
});
