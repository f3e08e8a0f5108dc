import { sqliteEngine } from "../platform/testing/engines.ts";
import { cardThemes } from "./testing/gift-cards/all.ts";
import { declareThemes } from "./testing/theme.ts";

await declareThemes(sqliteEngine(), cardThemes);
