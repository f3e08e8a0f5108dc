import { parseArgs } from "node:util";
import { ConfigError, readConfig } from "../platform/config.ts";
import { type DataPlatform, startDataPlatform } from "./data-platform.ts";
import type { TakenEvent } from "./event-log.ts";

const usualPort = "8090";

/** Runs the stand-in of the data platform, and prints a line for each event: `main.ts [--port 8090]`. */
async function main(): Promise<void> {
  const { host, dataPlatformSecret: secret } = readConfig();
  if (!secret) throw new ConfigError("DATA_PLATFORM_SECRET: needed, the same as the mesh's: whsec_ and base64");
  const port = readPort(process.argv.slice(2));
  const platform = await listen({ host, port, secret, onEvent: print });
  process.stdout.write(`The data platform's stand-in takes events at ${platform.url}, and shows them at /events\n`);
  const stop = () => void platform.stop().then(() => process.exit(0));
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
}

async function listen(options: Parameters<typeof startDataPlatform>[0]): Promise<DataPlatform> {
  try {
    return await startDataPlatform(options);
  } catch (error) {
    throw new ConfigError(`--port: cannot listen on ${options.port} (${(error as NodeJS.ErrnoException).code})`);
  }
}

function readPort(args: readonly string[]): number {
  const { values } = parseArgs({ args: [...args], options: { port: { type: "string", default: usualPort } } });
  const port = Number(values.port);
  if (!/^[0-9]+$/.test(values.port) || port > 65_535) throw new ConfigError("--port: must be 0 to 65535");
  return port;
}

function print({ id, type, timestamp, repeats }: TakenEvent): void {
  process.stdout.write(`${timestamp} ${type} ${id}${repeats > 0 ? ` (again, ${repeats})` : ""}\n`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(1);
}
