/**
 * Asks a gRPC server whether it serves, for container health checks: `node health-check.ts host:port [service]`. Exits
 * with 0 where it does; else with 1 and one line that says why. TLS as the services themselves have it.
 */

import { service as health } from "grpc-health-check";
import { readConfig } from "../config.ts";
import { openChannel } from "./channel.ts";

const timeoutMs = 3_000;

function check(address: string, service: string): Promise<string> {
  const { path, requestSerialize, responseDeserialize } = health.Check as NonNullable<typeof health.Check>;
  const client = openChannel(address, readConfig().grpcTls);
  const deadline = Date.now() + timeoutMs;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { service }, { deadline }, (error, answer) => {
      client.close();
      if (error) reject(error);
      else resolve((answer as { readonly status: string }).status);
    });
  });
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
