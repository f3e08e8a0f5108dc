import { randomUUID } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import test from "ava";
import { pino } from "pino";
import { LedgerService, SystemAccount } from "../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import { TransferType } from "../../gen/giftmesh/wallet/v1/transaction_pb.ts";
import { Call } from "../platform/rpc/call.ts";
import { Dispatcher } from "../platform/rpc/dispatcher.ts";
import { MeshClients } from "../platform/rpc/mesh-clients.ts";
import { refusalOf } from "../platform/rpc/status.ts";
import { type Engine, engines, testDatabase } from "../platform/testing/engines.ts";
import type { Owner } from "./domain/account.ts";
import { TransferVoided } from "./domain/errors.ts";
import type { TransferCommand } from "./domain/transfer.ts";
import type { Ledger } from "./ledger.ts";
import { serveLedger } from "./rpc/ledger.ts";
import { auditLedger } from "./store/audit.ts";
import { migrations } from "./store/migrations.ts";
import { transferCommand as command, ledgerOn, walletOf } from "./testing/ledgers.ts";

const rounds = 200;
const log = pino({ level: "silent" });

async function setUp(engine: Engine) {
  const database = await testDatabase(engine, "wallet", migrations);
  /** One process: a ledger of its own, and a client of it. */
  const newReplica = () => {
    const { ledger, accounts } = ledgerOn(database);
    const dispatcher = new Dispatcher({ log });
    dispatcher.add(serveLedger(ledger, accounts, database, "SAR"));
    const clients = new MeshClients({ config: { addresses: {}, grpcTls: undefined }, dispatcher, log });
    return { ledger, accounts, client: clients.of(LedgerService) };
  };
  return { engine, database, here: newReplica(), other: newReplica() };
}

/** Asks for a transfer: the number of the one that was made, or that it was voided. */
async function fateBy(ledger: Ledger, transfer: TransferCommand): Promise<bigint | "voided"> {
  try {
    return (await ledger.transfer(transfer)).number;
  } catch (error) {
    if (error instanceof TransferVoided) return "voided";
    throw error;
  }
}

for (const { engine, database, here, other } of await Promise.all(engines().map(setUp))) {
  const balanceOf = async (userId: bigint) => (await here.accounts.walletsOf(userId))[0]?.balance ?? 0n;
  const call = () => new Call({ requestId: "test" });
  let lastUser = 1_000n;
  const newUser = () => ++lastUser;

  test.after.always(async () => {
    await database.close();
    await engine.remove();
  });

  test(`a transfer that was voided before it came is refused for good, whatever its content, on ${engine.name}`, async (t) => {
    const user = newUser();
    const gift = command({ credit: walletOf(user) });
    t.is(await here.ledger.void(gift.id), undefined);
    for (const changes of [{}, { amount: 7n }, { debit: walletOf(user), credit: walletOf(user) }]) {
      for (const { ledger } of [here, other]) {
        await t.throwsAsync(ledger.transfer({ ...gift, ...changes }), { instanceOf: TransferVoided });
      }
    }
    t.is(await other.ledger.void(gift.id), undefined);
    t.is(await balanceOf(user), 0n);
  });

  test(`a wallet that a process remembers does not make it overlook a void of another's on ${engine.name}`, async (t) => {
    const user = newUser();
    const gift = command({ credit: walletOf(user) });
    await here.ledger.transfer(command({ credit: walletOf(user) }));
    await other.ledger.void(gift.id);
    const all = [gift, command({ credit: walletOf(user) }), gift].map((one) => fateBy(here.ledger, one));
    const [first, second, third] = await Promise.all(all);
    t.deepEqual([first, typeof second, third], ["voided", "bigint", "voided"]);
    t.is(await balanceOf(user), 200n);
  });

  test(`a void of a transfer that was made answers it, and it stays, on ${engine.name}`, async (t) => {
    const user = newUser();
    const gift = command({ credit: walletOf(user) });
    const made = await here.ledger.transfer(gift);
    for (const { ledger } of [here, other, here]) t.deepEqual(await ledger.void(gift.id), made);
    t.deepEqual(await other.ledger.transfer(gift), made);
    t.is(await balanceOf(user), 100n);
  });

  test(`a transfer that was refused can still be voided, and is not made when there is money, on ${engine.name}`, async (t) => {
    const user = newUser();
    const pay = command({ debit: walletOf(user), credit: { kind: "sales" }, type: "payment" });
    await t.throwsAsync(here.ledger.transfer(pay));
    t.is(await other.ledger.void(pay.id), undefined);
    await here.ledger.transfer(command({ credit: walletOf(user) }));
    await t.throwsAsync(here.ledger.transfer(pay), { instanceOf: TransferVoided });
    t.is(await balanceOf(user), 100n);
  });

  test(`what is committed with a transfer is not, where it was voided, on ${engine.name}`, async (t) => {
    const gift = command({ credit: walletOf(newUser()) });
    await here.ledger.void(gift.id);
    const beside = () => t.fail() as never;
    await t.throwsAsync(other.ledger.transfer({ ...gift, beside }), { instanceOf: TransferVoided });
  });

  test(`other services are told TRANSFER_VOIDED, and that there is no such transfer, on ${engine.name}`, async (t) => {
    const request = {
      id: `order-${randomUUID()}`,
      debit: { owner: { case: "system", value: SystemAccount.PROMOTIONS } },
      credit: { owner: { case: "userId", value: newUser() } },
      amount: { currencyCode: "SAR", minorUnits: 100n },
      type: TransferType.REFUND,
    } as const;
    const { id } = request;
    t.is((await here.client.voidTransfer({ id }, call())).transfer, undefined);
    const refusal = await t.throwsAsync(here.client.transfer(request, call()));
    t.like(refusal, { kind: "conflict", reason: "TRANSFER_VOIDED" });
    const miss = await t.throwsAsync(other.client.getTransfer({ id }, call()));
    t.like(miss, { kind: "not_found", reason: "TRANSFER_NOT_FOUND" });
    t.is((await other.client.voidTransfer({ id }, call())).transfer, undefined);

    const second = { ...request, id: `${id}-again` };
    const { transfer } = await here.client.transfer(second, call());
    t.deepEqual((await other.client.voidTransfer({ id: second.id }, call())).transfer, transfer);
    t.deepEqual((await other.client.getTransfer({ id: second.id }, call())).transfer, transfer);
  });

  for (const id of ["", "with space", "x".repeat(65), "ünïcode"]) {
    test(`${JSON.stringify(id.slice(0, 20))} is no id to void on ${engine.name}`, async (t) => {
      const refusal = await t.throwsAsync(here.client.voidTransfer({ id }, call()));
      t.like(refusal, { kind: "invalid", fields: [{ field: "id" }] });
    });
  }

  test.serial(`64 transfers and voids of the same ids at once: each pair agrees, on ${engine.name}`, async (t) => {
    const user = newUser();
    const requests = Array.from({ length: 64 }, (_, i) => ({
      id: `pair-${i}`,
      debit: { owner: { case: "system", value: SystemAccount.PROMOTIONS } } as const,
      credit: { owner: { case: "userId", value: user } } as const,
      amount: { currencyCode: "SAR", minorUnits: 1n },
      type: TransferType.GIFT_CARD_REDEEM,
    }));
    const [{ results }, voids] = await Promise.all([
      here.client.batchTransfer({ requests }, call()),
      Promise.all(requests.map(({ id }, i) => (i % 2 ? here : other).client.voidTransfer({ id }, call()))),
    ]);
    let made = 0n;
    for (const [i, { outcome }] of results.entries()) {
      if (outcome.case === "response") {
        made++;
        t.deepEqual(voids[i]?.transfer, outcome.value.transfer);
      } else {
        t.is(voids[i]?.transfer, undefined);
        t.like(outcome.value && refusalOf(outcome.value), { kind: "conflict", reason: "TRANSFER_VOIDED" });
      }
    }
    t.is(await balanceOf(user), made);
    t.deepEqual((await auditLedger(database)).differences, []);
  });

  test.serial(`${rounds} transfers, each raced by its void from another process, on ${engine.name}`, async (t) => {
    const [rich, poor] = [newUser(), newUser()];
    await here.ledger.transfer(command({ credit: walletOf(rich), amount: 1_000_000n }));
    const ways: readonly (readonly [Owner, Owner])[] = [
      [{ kind: "promotions" }, walletOf(poor)],
      [walletOf(rich), walletOf(poor)],
      [{ kind: "gift_card_liability" }, { kind: "sales" }],
    ];
    const { transfers } = await auditLedger(database);
    const seen = { made: 0, voided: 0 };
    let received = 0n;
    for (let round = 0; round < rounds; round++) {
      const [debit, credit] = ways[round % ways.length] as (typeof ways)[number];
      const transfer = command({ id: `race-${round}`, debit, credit, amount: 3n });
      const [transferring, voiding] = round % 2 ? [here, other] : [other, here];
      const later = async <T>(turns: number, act: () => Promise<T>) => {
        for (let turn = 0; turn < turns; turn++) await nextTurn();
        return act();
      };
      const [fate, answer, again] = await Promise.all([
        later(round % 5, () => fateBy(transferring.ledger, transfer)),
        later(round % 7, () => voiding.ledger.void(transfer.id)),
        later(round % 3, () => transferring.ledger.void(transfer.id)),
      ]);
      for (const told of [answer, again, await here.ledger.void(transfer.id), await other.ledger.void(transfer.id)]) {
        t.is(told?.number ?? "voided", fate);
      }
      t.is(await fateBy(here.ledger, transfer), fate);
      t.is(await fateBy(other.ledger, transfer), fate);
      seen[fate === "voided" ? "voided" : "made"]++;
      if (fate !== "voided" && credit.kind === "wallet") received += 3n;
    }
    t.log(seen);
    t.is(await balanceOf(poor), received);
    t.like(await auditLedger(database), { transfers: transfers + seen.made, differences: [] });
  });
}
