import { createConnection, type Socket } from "node:net";

type Answer = string | number | Error;

interface Waiting {
  resolve(answer: string | number): void;
  reject(error: Error): void;
}

/**
 * As much of a Redis client as a script needs (RESP 2): one connection, and all commands of one turn of the event loop
 * in one write, so that Redis runs them together and fsyncs them together. Answers are whole numbers, strings or errors.
 */
export class RedisClient {
  private readonly socket: Socket;
  private readonly waiting: Waiting[] = [];
  private outgoing = "";
  private incoming = "";

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true).setEncoding("utf8");
    socket.on("data", (text: string) => this.hear(text));
    socket.on("error", (error) => {
      for (const { reject } of this.waiting.splice(0)) reject(error);
    });
  }

  static open(port: number): Promise<RedisClient> {
    return new Promise((resolve, reject) => {
      const socket = createConnection({ host: "127.0.0.1", port });
      socket.once("error", reject);
      socket.once("connect", () => resolve(new RedisClient(socket.off("error", reject))));
    });
  }

  /** Sends a command. Rejects with the error that Redis answers. */
  command(...parts: readonly (string | number)[]): Promise<string | number> {
    if (this.outgoing === "") setImmediate(() => this.flush());
    this.outgoing += `*${parts.length}\r\n`;
    for (const part of parts) {
      const text = String(part);
      this.outgoing += `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
    }
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
  }

  private flush(): void {
    this.socket.write(this.outgoing);
    this.outgoing = "";
  }

  private hear(text: string): void {
    this.incoming += text;
    let start = 0;
    for (let next = this.read(start); next; next = this.read(start)) {
      start = next.end;
      const waiting = this.waiting.shift();
      if (next.answer instanceof Error) waiting?.reject(next.answer);
      else waiting?.resolve(next.answer);
    }
    this.incoming = this.incoming.slice(start);
  }

  /** The answer that begins here, and where it ends; undefined where it has not all arrived. ASCII is all there is. */
  private read(start: number): { readonly answer: Answer; readonly end: number } | undefined {
    const lineEnd = this.incoming.indexOf("\r\n", start);
    if (lineEnd < 0) return undefined;
    const line = this.incoming.slice(start + 1, lineEnd);
    switch (this.incoming[start]) {
      case ":":
        return { answer: Number(line), end: lineEnd + 2 };
      case "+":
        return { answer: line, end: lineEnd + 2 };
      case "-":
        return { answer: new Error(line), end: lineEnd + 2 };
      case "$": {
        const end = lineEnd + 2 + Number(line) + 2;
        if (this.incoming.length < end) return undefined;
        return { answer: this.incoming.slice(lineEnd + 2, end - 2), end };
      }
      default:
        return { answer: new Error(`Redis answered ${line}`), end: lineEnd + 2 };
    }
  }
}
