import { createConnection, type Socket } from "node:net";

/** An answer, as far as a workload looks. */
export interface Reply {
  readonly status: number;
  readonly body: string;
}

interface Pending {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

/**
 * One kept connection with one request in flight. It does as little as can be done, since it shares the machine with
 * what it measures: it takes only answers that say their length, and reads bodies as Latin-1. Where the server has closed
 * it between two requests, which it does after a minute without any, the next opens another.
 */
export class HttpConnection {
  private readonly base: string;
  private socket: Socket;
  private pending: Pending | undefined;
  private received = "";

  static async open(base: string): Promise<HttpConnection> {
    return new HttpConnection(base, await connectTo(base));
  }

  private constructor(base: string, socket: Socket) {
    this.base = base;
    this.socket = socket;
    this.listen(socket);
  }

  get(path: string, token: string): Promise<Reply> {
    return this.send(`${headOf("GET", path, token)}\r\n`);
  }

  /** Posts; `body` is JSON, or empty. */
  post(path: string, token: string, body = ""): Promise<Reply> {
    const type = body === "" ? "" : "content-type: application/json\r\n";
    return this.send(`${headOf("POST", path, token)}${type}content-length: ${body.length}\r\n\r\n${body}`);
  }

  close(): void {
    this.pending = undefined;
    this.socket.destroy();
  }

  private listen(socket: Socket): void {
    socket.setNoDelay(true).setEncoding("latin1");
    socket.on("data", (text: string) => this.hear(text));
    socket.on("error", (error) => this.fail(error));
    socket.on("close", () => this.fail(new Error("The server has closed the connection")));
  }

  private send(request: string): Promise<Reply> {
    return this.socket.writable ? this.exchange(request) : this.sendAnew(request);
  }

  private async sendAnew(request: string): Promise<Reply> {
    this.socket = await connectTo(this.base);
    this.listen(this.socket);
    return this.exchange(request);
  }

  private exchange(request: string): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.pending = { resolve, reject };
      this.socket.write(request, "latin1");
    });
  }

  private hear(text: string): void {
    this.received += text;
    const headEnd = this.received.indexOf("\r\n\r\n");
    if (headEnd < 0) return;
    const length = /\r\ncontent-length: (\d+)/i.exec(this.received)?.[1];
    if (length === undefined) {
      this.fail(new Error(`An answer without a length:\n${this.received}`));
      return;
    }
    const bodyEnd = headEnd + 4 + Number(length);
    if (this.received.length < bodyEnd) return;
    const reply = { status: Number(this.received.slice(9, 12)), body: this.received.slice(headEnd + 4, bodyEnd) };
    this.received = "";
    const { pending } = this;
    this.pending = undefined;
    pending?.resolve(reply);
  }

  private fail(error: Error): void {
    const { pending } = this;
    this.pending = undefined;
    pending?.reject(error);
  }
}

function connectTo(base: string): Promise<Socket> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: hostname, port: Number(port) });
    socket.once("error", reject);
    socket.once("connect", () => resolve(socket.off("error", reject)));
  });
}

function headOf(method: string, path: string, token: string): string {
  return `${method} ${path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer ${token}\r\n`;
}

/** So many connections; they close with the stack. */
export async function openConnections(
  base: string,
  count: number,
  stack: AsyncDisposableStack,
): Promise<HttpConnection[]> {
  const connections = await Promise.all(Array.from({ length: count }, () => HttpConnection.open(base)));
  stack.defer(() => {
    for (const connection of connections) connection.close();
  });
  return connections;
}

/** The connection of a place. */
export function at<T>(all: readonly T[], place: number): T {
  const one = all[place % all.length];
  if (one === undefined) throw new Error(`There is nothing at ${place}`);
  return one;
}
