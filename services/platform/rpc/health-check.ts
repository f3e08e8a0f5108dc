/**
 * Asks a gRPC server whether it serves, for container health checks: `node health-check.ts host:port [service]`. Exits
 * with 0 where it does; else with 1 and one line that says why. TLS as the services themselves have it.
 */

import { readConfig } from "../config.ts";
import { askHealth } from "./ask-health.ts";
import { openChannel } from "./channel.ts";

const timeoutMs = 3_000;

async function check(address: string, service: string): Promise<string> {
  const client = openChannel(address, readConfig().grpcTls);
  try {
    return await askHealth(client, service, timeoutMs);
  } finally {
    client.close();
  }
}

const [address, service = ""] = process.argv.slice(2);
try {
  if (!address) throw new Error("usage: health-check.ts host:port [service]");
  const status = await check(address, service);
  if (status !== "SERVING") throw new Error(status);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
