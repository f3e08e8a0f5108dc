import test from "ava";
import { engines } from "../platform/testing/engines.ts";
import { declareVouchers } from "./testing/vouchers/themes.ts";
import { VoucherHouse } from "./testing/vouchers/voucher-house.ts";

const mysql = engines().find(({ name }) => name === "MySQL");
if (mysql) declareVouchers(await VoucherHouse.open(mysql), "on MySQL");
else test("DATABASE_URL names no MySQL to ask for vouchers on", (t) => t.pass());
