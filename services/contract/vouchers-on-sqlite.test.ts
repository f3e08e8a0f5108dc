import { sqliteEngine } from "../platform/testing/engines.ts";
import { declareVouchers } from "./testing/vouchers/themes.ts";
import { VoucherHouse } from "./testing/vouchers/voucher-house.ts";

declareVouchers(await VoucherHouse.open(sqliteEngine()), "on SQLite");
