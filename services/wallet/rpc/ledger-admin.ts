import { LedgerAdminService } from "../../../gen/giftmesh/wallet/v1/ledger_admin_service_pb.ts";
import type { Database } from "../../platform/database/database.ts";
import { formatAmount } from "../../platform/money.ts";
import { type Served, serve } from "../../platform/rpc/handler.ts";
import { now, toInstant, toTimestamp } from "../../platform/time.ts";
import { auditLedger } from "../store/audit.ts";
import { systemBalances } from "../store/system-balances.ts";

/** The ledger, for those who answer for it. */
export function serveLedgerAdmin(database: Database): Served {
  return serve(LedgerAdminService, {
    async auditLedger() {
      const { accounts, transfers, differences } = await auditLedger(database);
      return {
        balanced: differences.length === 0,
        accounts: BigInt(accounts),
        transfers: BigInt(transfers),
        differences: [...differences],
      };
    },

    async getLiability(request) {
      const asOf = request.asOf && toInstant(request.asOf);
      const told = toTimestamp(asOf ?? now());
      const balances = await database.snapshot((session) => systemBalances(session, asOf));
      const currencies = [...new Set(balances.map((one) => one.currency))];
      return {
        liabilities: currencies.map((currency) => {
          const house = balances.filter((one) => one.currency === currency);
          // All postings sum to zero, so what the house's accounts lack is in the wallets.
          const wallets = -house.reduce((sum, one) => sum + one.balance, 0n);
          const giftCards = house.find((one) => one.kind === "gift_card_liability")?.balance ?? 0n;
          return {
            currency,
            wallets: formatAmount(wallets, currency),
            giftCards: formatAmount(giftCards, currency),
            asOf: told,
          };
        }),
      };
    },
  });
}
