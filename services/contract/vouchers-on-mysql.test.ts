import test from "ava";
import { engines } from "../platform/testing/engines.ts";
import { declareVouchers } from "./testing/vouchers/themes.ts";
import { VoucherHouse } from "./testing/vouchers/voucher-house.ts";

const mysql = (await engines()).find(({ name }) => name === "MySQL");
if (mysql) declareVouchers(await VoucherHouse.open(mysql), "on MySQL");
else test("no MySQL answers here, to ask for vouchers on", (t) => t.pass());
