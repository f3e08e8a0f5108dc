import test from "ava";
import { LedgerService, SystemAccount } from "../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import { TransferType } from "../../gen/giftmesh/wallet/v1/transaction_pb.ts";
import { mostMinorUnits } from "../platform/money.ts";
import { recordedLog } from "../platform/rpc/testing/log.ts";
import { engines } from "../platform/testing/engines.ts";
import { eventually } from "../platform/testing/eventually.ts";
import { callOf, RunningCards } from "./testing/running-cards.ts";

for (const engine of await engines()) {
  test(`value that its payer's wallet is too full for is warned of, and goes back later on ${engine.name}`, async (t) => {
    const { log, lines } = recordedLog();
    const running = await RunningCards.start(engine, {}, log);
    t.teardown(async () => {
      await running.stop();
      await engine.remove();
    });
    const payer = await running.newUser("100.00");
    const { id } = await running.newCard(payer);
    await running.clients.of(LedgerService).transfer(
      {
        id: "the-most-that-fits",
        debit: { owner: { case: "system", value: SystemAccount.TOP_UPS } },
        credit: { owner: { case: "userId", value: payer } },
        amount: { currencyCode: "SAR", minorUnits: mostMinorUnits },
        type: TransferType.CHARGE,
        reference: "test",
      },
      callOf(),
    );
    await running.change("UPDATE cards SET expires_at = 1, due_at = 1 WHERE id = ?", id);

    const isWarned = ({ level, state }: Record<string, unknown>) => level === 40 && state === "returning";
    await eventually(async () => lines.some(isWarned));
    t.false(lines.some(({ msg }) => msg === "a card was let go"));
    t.is(await running.stateOf(id), "returning");

    await running.newCard(payer);
    await eventually(async () => (await running.stateOf(id)) === "expired");
  });
}
