import { enableCompileCache } from "node:module";

// What one start has compiled the next need not: a fifth of the time until it is ready. Before anything is imported.
enableCompileCache();
await import("./start.ts");
