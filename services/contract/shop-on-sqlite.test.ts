import { sqliteEngine } from "../platform/testing/engines.ts";
import { shopThemes } from "./testing/shop-themes/all.ts";
import { declareThemes } from "./testing/theme.ts";

await declareThemes(sqliteEngine(), shopThemes);
