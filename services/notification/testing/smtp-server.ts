import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

/** A mail as it came over the wire. */
export interface ReceivedMail {
  readonly recipients: readonly string[];
  /** Headers and body, with CRLF. */
  readonly content: string;
}

/** The world's mail server, as far as a test needs it (RFC 5321). */
export interface SmtpServer {
  readonly url: string;
  readonly received: readonly ReceivedMail[];
  close(): void;
}

export async function startSmtpServer(): Promise<SmtpServer> {
  const received: ReceivedMail[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    converse(socket, (mail) => received.push(mail));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function converse(socket: Socket, take: (mail: ReceivedMail) => void): void {
  let recipients: string[] = [];
  let content: string[] | undefined;
  const say = (line: string) => socket.write(`${line}\r\n`);
  const hear = (line: string) => {
    if (content) {
      if (line !== ".") return content.push(line);
      take({ recipients, content: content.join("\r\n") });
      [recipients, content] = [[], undefined];
      return say("250 taken");
    }
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === "RCPT") recipients.push(/<(.*)>/.exec(line)?.[1] ?? "");
    if (verb === "DATA") content = [];
    return say(verb === "DATA" ? "354 go on" : verb === "QUIT" ? "221 bye" : "250 yes");
  };
  let rest = "";
  socket.on("data", (chunk) => {
    const lines = (rest + chunk).split("\r\n");
    rest = lines.pop() ?? "";
    for (const line of lines) hear(line);
  });
  say("220 test");
}
