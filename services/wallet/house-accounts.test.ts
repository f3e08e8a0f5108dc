import { create } from "@bufbuild/protobuf";
import test from "ava";
import { pino } from "pino";
import { CallerSchema, Role } from "../../gen/giftmesh/common/v1/access_pb.ts";
import { LedgerAdminService } from "../../gen/giftmesh/wallet/v1/ledger_admin_service_pb.ts";
import { LedgerService, SystemAccount } from "../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import { mostMinorUnits } from "../platform/money.ts";
import { Call } from "../platform/rpc/call.ts";
import { Dispatcher } from "../platform/rpc/dispatcher.ts";
import { MeshClients } from "../platform/rpc/mesh-clients.ts";
import { type Engine, engines, testConfig, testDatabase } from "../platform/testing/engines.ts";
import { now, toTimestamp } from "../platform/time.ts";
import { serveLedger } from "./rpc/ledger.ts";
import { serveLedgerAdmin } from "./rpc/ledger-admin.ts";
import { migrations } from "./store/migrations.ts";
import { ledgerOn, transferCommand, walletOf } from "./testing/ledgers.ts";

const admin = create(CallerSchema, { userId: 1n, role: Role.ADMIN });
const log = pino({ level: "silent" });

async function setUp(engine: Engine) {
  const database = await testDatabase(engine, "wallet", migrations);
  const { ledger, accounts } = ledgerOn(database);
  const dispatcher = new Dispatcher({ log });
  dispatcher.add(serveLedger(ledger, accounts, database, "SAR"));
  dispatcher.add(serveLedgerAdmin(database));
  const clients = new MeshClients({ config: testConfig(engine), dispatcher, log });
  return { engine, database, ledger, client: clients.of(LedgerService), admins: clients.of(LedgerAdminService) };
}

for (const { engine, database, ledger, client, admins } of await Promise.all(engines().map(setUp))) {
  const list = async (asOf?: bigint) => {
    const request = asOf === undefined ? {} : { asOf: toTimestamp(asOf) };
    const { balances } = await client.listSystemBalances(request, new Call({ requestId: "test" }));
    return balances.map(({ account, currencyCode, minorUnits }) => [account, currencyCode, minorUnits]);
  };

  const liabilities = async () => {
    const { liabilities } = await admins.getLiability({}, new Call({ requestId: "test", caller: admin }));
    return liabilities.map(({ currency, wallets, giftCards }) => [currency, wallets, giftCards]);
  };

  test.after.always(async () => {
    await database.close();
    await engine.remove();
  });

  test.serial(
    `the house's accounts are told by currency, those that nothing was moved on left out, on ${engine.name}`,
    async (t) => {
      t.deepEqual(await list(), []);
      const liability = { kind: "gift_card_liability" } as const;
      await ledger.transfer(transferCommand({ credit: liability, amount: 500n, type: "gift_card_purchase" }));
      await ledger.transfer(transferCommand({ debit: liability, credit: walletOf(1n), amount: 200n }));
      await ledger.transfer(
        transferCommand({ credit: liability, amount: 7n, currency: "KRW", type: "gift_card_purchase" }),
      );
      t.deepEqual(await list(), [
        [SystemAccount.GIFT_CARD_LIABILITY, "KRW", "7"],
        [SystemAccount.PROMOTIONS, "KRW", "-7"],
        [SystemAccount.GIFT_CARD_LIABILITY, "SAR", "300"],
        [SystemAccount.PROMOTIONS, "SAR", "-500"],
      ]);
      t.deepEqual(await list(now() - 3_600_000_000n), []);
    },
  );

  test.serial(`they hold now what a replica has moved whose clock is ahead on ${engine.name}`, async (t) => {
    const before = { balances: await list(), liabilities: await liabilities() };
    const ahead = now() + 60_000_000n;
    await database.commit([{ sql: "UPDATE transfers SET created_at = ?", values: [ahead] }]);
    t.deepEqual({ balances: await list(), liabilities: await liabilities() }, before);
    t.deepEqual(await list(ahead - 1n), []);
    t.deepEqual(await list(ahead), before.balances);
  });

  test.serial(`they may hold more than one amount can on ${engine.name}`, async (t) => {
    for (let one = 0; one < 3; one++)
      await ledger.transfer(
        transferCommand({ credit: walletOf(BigInt(one + 1)), amount: mostMinorUnits, currency: "USD" }),
      );
    const balances = await list();
    t.deepEqual(balances.at(-1), [SystemAccount.PROMOTIONS, "USD", String(-3n * mostMinorUnits)]);
  });
}
