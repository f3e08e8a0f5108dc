import { type Logger, pino } from "pino";
import type { Config } from "./config.ts";

/** Logs JSON lines to standard error, written before the call returns: nothing is lost when the process is killed. */
export function createLog({ logLevel }: Pick<Config, "logLevel">): Logger {
  return pino({ level: logLevel, base: { pid: process.pid } }, pino.destination({ dest: 2, sync: true }));
}
