import test from "ava";
import { engines } from "../platform/testing/engines.ts";
import { cardThemes } from "./testing/gift-cards/all.ts";
import { declareThemes } from "./testing/theme.ts";

const mysql = engines().find(({ name }) => name === "MySQL");
if (mysql) await declareThemes(mysql, cardThemes);
else test("DATABASE_URL names no MySQL to keep gift cards on", (t) => t.pass());
