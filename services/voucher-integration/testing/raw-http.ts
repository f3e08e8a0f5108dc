import { connect } from "node:net";

/** What came back on a connection until it was closed, to the byte, and how long that took from when all was sent. */
export interface RawAnswer {
  readonly text: string;
  readonly tookMs: number;
}

/** Sends bytes as they are, and waits until the other side closes. */
export function sendRaw(url: URL, bytes: string | Uint8Array): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const sentAt = performance.now();
    const socket = connect(Number(url.port), url.hostname, () => socket.write(bytes));
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.once("close", () => {
      resolve({ text: Buffer.concat(chunks).toString("latin1"), tookMs: performance.now() - sentAt });
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      // What was answered before the connection broke stands.
      if (error.code !== "ECONNRESET" && error.code !== "EPIPE") reject(error);
    });
  });
}

/** A request, its connection to be closed after it. */
export function requestText(
  line: string,
  headers: Readonly<Record<string, string | undefined>>,
  body: string | Uint8Array,
): Buffer {
  const all = {
    host: "localhost",
    connection: "close",
    "content-length": String(Buffer.from(body).length),
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]));
  return Buffer.concat([Buffer.from([line, ...lines, "", ""].join("\r\n")), Buffer.from(body)]);
}
