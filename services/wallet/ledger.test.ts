import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import fc from "fast-check";
import { Refusal } from "../platform/refusal.ts";
import { byClock } from "../platform/testing/clocks.ts";
import { type Engine, engines, testDatabase } from "../platform/testing/engines.ts";
import type { Owner } from "./domain/account.ts";
import { InsufficientBalance, TransferIdReused, TransferVoided } from "./domain/errors.ts";
import type { Transfer } from "./domain/transfer.ts";
import { updateWallets } from "./store/accounts.ts";
import { auditLedger } from "./store/audit.ts";
import { migrations } from "./store/migrations.ts";
import { transferCommand as command, ledgerOn, promotions, walletOf } from "./testing/ledgers.ts";

async function setUp(engine: Engine) {
  const database = await testDatabase(engine, "wallet", migrations);
  const newLedger = () => ledgerOn(database);
  return { engine, database, newLedger, ...newLedger() };
}

for (const { engine, database, newLedger, accounts, ledger } of await Promise.all(engines().map(setUp))) {
  const balanceOf = async (userId: bigint) => (await accounts.walletsOf(userId))[0]?.balance ?? 0n;
  let lastUser = 1_000n;
  const newUser = () => ++lastUser;

  test.after.always(async () => {
    await database.close();
    await engine.remove();
  });

  test(`a transfer moves money from one account to the other on ${engine.name}`, async (t) => {
    const [sara, omar] = [newUser(), newUser()];
    await ledger.transfer(command({ credit: walletOf(sara), amount: 500n }));
    const made = await ledger.transfer(command({ debit: walletOf(sara), credit: walletOf(omar), amount: 200n }));
    t.deepEqual([made.debitBalanceAfter, made.creditBalanceAfter], [300n, 200n]);
    t.deepEqual([await balanceOf(sara), await balanceOf(omar)], [300n, 200n]);
  });

  test(`a transfer that would take a wallet below zero is refused and moves nothing on ${engine.name}`, async (t) => {
    const sara = newUser();
    await ledger.transfer(command({ credit: walletOf(sara), amount: 10n }));
    const pay = command({ debit: walletOf(sara), credit: { kind: "sales" }, amount: 11n, type: "payment" });
    await t.throwsAsync(ledger.transfer(pay), { instanceOf: InsufficientBalance });
    t.is(await balanceOf(sara), 10n);
  });

  test(`a repeated id is answered as it was and changes nothing on ${engine.name}`, async (t) => {
    const charge = command({ credit: walletOf(newUser()) });
    const first = await ledger.transfer(charge);
    t.deepEqual(await ledger.transfer(charge), first);
    t.deepEqual(await newLedger().ledger.transfer(charge), first);
    t.is(first.creditBalanceAfter, 100n);
  });

  test(`transfers are made and told again though accounts are forgotten meanwhile on ${engine.name}`, async (t) => {
    const [forgetful, other] = [ledgerOn(database, 2), ledgerOn(database, 1)];
    for (const user of [newUser(), newUser(), newUser()]) {
      const charge = command({ credit: walletOf(user) });
      const made = await forgetful.ledger.transfer(charge);
      t.deepEqual(await forgetful.ledger.transfer(charge), made);
      t.deepEqual(await other.ledger.transfer(charge), made);
    }
  });

  test.serial(
    `a wallet's entries never go back in time, though a replica's clock is behind, on ${engine.name}`,
    async (t) => {
      for (const ways of [
        (user: Owner) => ({ credit: user }),
        (user: Owner) => ({ debit: user, credit: promotions }),
      ]) {
        const user = walletOf(newUser());
        const first = await ledger.transfer(command({ credit: user }));
        const behind = newLedger().ledger;
        const second = await byClock(-3_600_000, () =>
          behind.transfer(command({ debit: { kind: "sales" }, ...ways(user) })),
        );
        const third = await byClock(-3_600_000, () => newLedger().ledger.transfer(command({ credit: user })));
        t.deepEqual([second.createdAt, third.createdAt], [first.createdAt, first.createdAt]);
      }
    },
  );

  /** Locks a user's wallet, as a process would that stands still; answers how to end that. */
  const lockWallet = async (userId: bigint): Promise<() => Promise<void>> => {
    const [locked, ends] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const locking = database.transaction(async ({ run }) => {
      await run([{ sql: "SELECT id FROM accounts WHERE user_id = ? FOR UPDATE", values: [userId] }]);
      locked.resolve();
      await ends.promise;
    });
    await locked.promise;
    return () => {
      ends.resolve();
      return locking;
    };
  };

  if (engine.name === "MySQL") {
    test("a wallet that somebody has locked holds up no other", async (t) => {
      const users = [newUser(), newUser(), newUser()] as const;
      // Twice each: what was just written of the first is known when its wallet comes again.
      const chargeAll = () =>
        Promise.allSettled([...users, ...users].map((user) => ledger.transfer(command({ credit: walletOf(user) }))));
      await chargeAll();
      const unlock = await lockWallet(users[1]);
      const charged = await chargeAll();
      t.deepEqual(
        charged.map(({ status }) => status),
        ["fulfilled", "rejected", "fulfilled", "fulfilled", "rejected", "fulfilled"],
      );
      await unlock();
      await chargeAll();
      t.deepEqual(await Promise.all(users.map(balanceOf)), [600n, 400n, 600n]);
    });

    test("a wallet that somebody has locked, and many want, holds up no other for long", async (t) => {
      const [wanted, other] = [newUser(), newUser()];
      const charge = (user: bigint) => ledger.transfer(command({ credit: walletOf(user) }), Date.now() + 10_000);
      await Promise.all([charge(wanted), charge(other)]);
      const unlock = await lockWallet(wanted);
      const refused = Promise.allSettled(Array.from({ length: 20 }, () => charge(wanted)));
      await sleep(100);
      await charge(other);
      await unlock();
      t.true((await refused).every(({ status }) => status === "rejected"));
      t.deepEqual(await Promise.all([wanted, other].map(balanceOf)), [100n, 200n]);
    });

    test("a wallet is brought to its last entry without reading those before", async (t) => {
      const user = newUser();
      await Promise.all(
        Array.from({ length: 2_000 }, () => ledger.transfer(command({ credit: walletOf(user), amount: 1n }))),
      );
      const [wallet] = await accounts.walletsOf(user);
      const rowsRead = await database.transaction(async ({ run }) => {
        const count = async () => {
          const [rows = []] = await run([{ sql: "SHOW SESSION STATUS LIKE 'Handler_read%'", values: [] }]);
          return rows.reduce((total, { Value: value }) => total + Number(value), 0);
        };
        const before = await count();
        await run([
          { sql: "UPDATE accounts SET balance = 1999, sequence = 1999 WHERE id = ?", values: [wallet?.id ?? 0n] },
          updateWallets([wallet?.id ?? 0n], 1n),
        ]);
        return (await count()) - before;
      });
      // The server counts what it reads to tell its counts.
      t.true(rowsRead < 200, `${rowsRead} rows`);
      t.is(await balanceOf(user), 2_000n);
    });
  }

  /** Has the database as it was before a transfer, as a server may that takes the place of another. */
  const lose = ({ number, credit, amount }: Transfer) =>
    database.commit([
      { sql: "DELETE FROM entries WHERE transfer_number = ?", values: [number] },
      { sql: "DELETE FROM transfers WHERE number = ?", values: [number] },
      {
        sql: "UPDATE accounts SET balance = balance - ?, sequence = sequence - 1 WHERE id = ?",
        values: [amount, credit.id],
      },
    ]);

  for (const together of [1, 2]) {
    test(`what the database has lost is not built upon by ${together} at once on ${engine.name}`, async (t) => {
      const user = newUser();
      const { ledger } = newLedger();
      const charge = (amount: bigint) => ledger.transfer(command({ credit: walletOf(user), amount }));
      await charge(100n);
      await lose(await charge(10n));
      await Promise.all(Array.from({ length: together }, () => charge(1n)));
      t.is(await balanceOf(user), 100n + BigInt(together));
      t.deepEqual((await auditLedger(database)).differences, []);
    });

    test(`what the database has in the place of what it lost is built upon by ${together} at once on ${engine.name}`, async (t) => {
      const user = newUser();
      const { ledger } = newLedger();
      const charge = (amount: bigint) => command({ credit: walletOf(user), amount });
      await ledger.transfer(charge(100n));
      await lose(await ledger.transfer(charge(10n)));
      await newLedger().ledger.transfer(charge(20n));
      await Promise.all(Array.from({ length: together }, () => ledger.transfer(charge(1n))));
      t.is(await balanceOf(user), 120n + BigInt(together));
      t.deepEqual((await auditLedger(database)).differences, []);
    });
  }

  for (const change of [
    { amount: 101n },
    { credit: walletOf(999n) },
    { type: "refund" },
    { reference: "other" },
  ] as const) {
    test(`a repeated id with another ${Object.keys(change)} is an error on ${engine.name}`, async (t) => {
      const charge = command({ credit: walletOf(newUser()) });
      await ledger.transfer(charge);
      await t.throwsAsync(ledger.transfer({ ...charge, ...change }), { instanceOf: TransferIdReused });
    });
  }

  test(`64 duplicates at once, over four processes, have one effect and one answer on ${engine.name}`, async (t) => {
    const user = newUser();
    const charge = command({ credit: walletOf(user), amount: 7n });
    const ledgers = [ledger, newLedger().ledger, newLedger().ledger, newLedger().ledger];
    const answers = await Promise.all(Array.from({ length: 64 }, (_, i) => ledgers[i % 4]?.transfer(charge)));
    t.is(new Set(answers.map((answer) => answer?.number)).size, 1);
    t.is(await balanceOf(user), 7n);
  });

  test(`what another process has paid in can be paid out here at once, and not twice on ${engine.name}`, async (t) => {
    const user = newUser();
    const [here, other] = [newLedger().ledger, newLedger().ledger];
    const pay = () => command({ debit: walletOf(user), credit: { kind: "sales" }, type: "payment" });
    for (let round = 0; round < 5; round++) {
      await other.transfer(command({ credit: walletOf(user) }));
      t.is((await here.transfer(pay())).debitBalanceAfter, 0n);
      await t.throwsAsync(other.transfer(pay()), { instanceOf: InsufficientBalance });
      await t.throwsAsync(here.transfer(pay()), { instanceOf: InsufficientBalance });
    }
  });

  test(`a transfer that is refused does not fail those committed with it on ${engine.name}`, async (t) => {
    const [rich, poor] = [newUser(), newUser()];
    await ledger.transfer(command({ credit: walletOf(rich), amount: 100n }));
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) =>
        ledger.transfer(command({ debit: walletOf(i % 2 ? rich : poor), credit: { kind: "sales" }, amount: 10n })),
      ),
    );
    t.is(results.filter((result) => result.status === "fulfilled").length, 10);
    t.deepEqual([await balanceOf(rich), await balanceOf(poor)], [0n, 0n]);
  });

  test.serial(`any transfers and voids by several processes at once conserve money on ${engine.name}`, async (t) => {
    const ledgers = [ledger, newLedger().ledger];
    const owner = fc.oneof(
      fc.constantFrom<Owner>({ kind: "top_ups" }, promotions, { kind: "gift_card_liability" }, { kind: "sales" }),
      fc.bigInt(1n, 4n).map(walletOf),
      fc.bigInt(1n, 4n).map(walletOf),
    );
    const id = fc.oneof(fc.uuid(), fc.constantFrom("same-1", "same-2", "same-3", "same-4"));
    const transfer = fc.record({
      kind: fc.constant("transfer" as const),
      id,
      debit: owner,
      credit: owner,
      amount: fc.oneof(fc.bigInt(1n, 50n), fc.bigInt(1n, 2n ** 53n - 1n)),
      currency: fc.constantFrom("SAR", "KRW"),
    });
    const voided = fc.record({ kind: fc.constant("void" as const), id });
    const commands = fc.array(fc.oneof({ arbitrary: transfer, weight: 4 }, { arbitrary: voided, weight: 1 }), {
      minLength: 1,
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(commands, async (asked) => {
        const run = randomUUID().slice(0, 8);
        const told = new Map<string, Set<bigint | "voided">>();
        const tell = (id: string, fate: bigint | "voided") => told.set(id, (told.get(id) ?? new Set()).add(fate));
        await Promise.all(
          asked.map(async ({ kind, ...one }, i) => {
            const by = ledgers[i % 2] ?? ledger;
            const id = `${run}-${one.id}`;
            try {
              const made = await (kind === "void" ? by.void(id) : by.transfer(command({ ...one, id })));
              tell(id, made?.number ?? "voided");
            } catch (error) {
              if (error instanceof TransferVoided) tell(id, "voided");
              else if (!(error instanceof Refusal)) throw error;
            }
          }),
        );
        // Whoever was told what became of an id was told the same, and will be.
        for (const [id, fates] of told) {
          t.is(fates.size, 1);
          t.true(fates.has((await ledger.void(id))?.number ?? "voided"));
        }
        t.deepEqual((await auditLedger(database)).differences, []);
      }),
      { numRuns: 25 },
    );
    const [row] = await database.select({ sql: "SELECT MIN(balance) AS least FROM accounts", values: [] });
    t.true((row?.least as bigint) >= 0n);
  });

  test.serial(`the database itself keeps a wallet from going below zero on ${engine.name}`, async (t) => {
    await t.throwsAsync(
      database.transaction((tx) => tx.run([{ sql: "UPDATE accounts SET balance = -1 WHERE user_id > 0", values: [] }])),
    );
  });

  const tamperings = {
    balance: "UPDATE accounts SET balance = balance + 1 WHERE id = $wallet",
    chain: "UPDATE entries SET balance_after = balance_after + 1 WHERE account_id = $wallet AND sequence = 1",
    sequence: "DELETE FROM entries WHERE account_id = $wallet AND sequence = 1",
    transfer: "UPDATE transfers SET amount = amount + 1 WHERE credit_account_id = $wallet",
    currency: "UPDATE entries SET amount = amount + 1 WHERE account_id = $wallet AND sequence = 1",
  };
  for (const [check, sql] of Object.entries(tamperings)) {
    test.serial(`the audit finds a ${check} that was tampered with on ${engine.name}`, async (t) => {
      const made = await ledger.transfer(command({ credit: walletOf(newUser()) }));
      t.deepEqual((await auditLedger(database)).differences, []);
      const tampered = { sql: sql.replace("$wallet", String(made.credit.id)), values: [] };
      await database.transaction((tx) => tx.run([tampered]));
      const { differences } = await auditLedger(database);
      t.true(
        differences.some((one) => one.check === check),
        JSON.stringify(differences),
      );
      await database.transaction((tx) =>
        tx.run([
          { sql: "DELETE FROM entries WHERE transfer_number = ?", values: [made.number] },
          { sql: "DELETE FROM transfers WHERE number = ?", values: [made.number] },
          { sql: "UPDATE accounts SET balance = 0, sequence = 0 WHERE id = ?", values: [made.credit.id] },
        ]),
      );
    });
  }
}
