import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { ConfigError } from "./config.ts";

/** How long requests in progress may take to end once a listener is to close, in milliseconds. */
const drainMs = 1_000;

/** How often connections that have become idle are closed then, in milliseconds. */
const sweepMs = 50;

/** A port of its own that a service takes HTTP on, beside the gRPC of all. */
export interface Listener {
  /** The setting that says which port; the listener is known by it: `VOUCHER_CALLBACK_PORT`. */
  readonly setting: string;
  /** 0: any that is free. */
  readonly port: number;
  /** What is there, for whoever started the process: `voucher callbacks`. */
  readonly title: string;
  /** All of it, but that it does not listen yet. */
  readonly server: Server;
}

/** A listener that listens. */
export interface RunningListener {
  readonly url: URL;
  /** Takes no new connections, lets requests in progress end for a second at most, and closes. */
  stop(): Promise<void>;
}

/** Where the listeners of a process are, by their settings. */
export type Listening = Map<string, URL>;

/** Has a listener listen. Throws a ConfigError where it may not listen there. */
export async function startListener({ setting, port, server }: Listener, host: string): Promise<RunningListener> {
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (error) {
    throw portFailure(error, { setting, host, port });
  }
  const address = server.address() as AddressInfo;
  const name = address.family === "IPv6" ? `[${host}]` : host;
  return { url: new URL(`http://${name}:${address.port}`), stop: () => drain(server) };
}

/** Why a port cannot be listened on, as a line that names what to set otherwise; any other error as it is. */
export function portFailure(
  error: unknown,
  { setting, host, port }: { readonly setting: string; readonly host: string; readonly port: number },
): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case "EADDRINUSE":
      return new ConfigError(`${setting}: ${host}:${port} is taken`);
    case "EACCES":
      return new ConfigError(`${setting}: ${host}:${port} may not be listened on`);
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return new ConfigError(`HOST: ${host} is not of this machine`);
    default:
      return error;
  }
}

async function drain(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  // A connection that is kept alive is idle once its last answer is out, and would stay so for a while.
  const sweep = setInterval(() => server.closeIdleConnections(), sweepMs);
  const cutOff = setTimeout(() => server.closeAllConnections(), drainMs);
  await closed;
  clearInterval(sweep);
  clearTimeout(cutOff);
}
