import test from "ava";
import { engines } from "../platform/testing/engines.ts";
import { shopThemes } from "./testing/shop-themes/all.ts";
import { declareThemes } from "./testing/theme.ts";

const mysql = engines().find(({ name }) => name === "MySQL");
if (mysql) await declareThemes(mysql, shopThemes);
else test("DATABASE_URL names no MySQL to open a shop on", (t) => t.pass());
