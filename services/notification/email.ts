import { createTransport } from "nodemailer";
import type { Sender } from "./delivery.ts";

/** How long the server may be silent, in milliseconds. */
const patienceMs = 10_000;

/** Connections to the server, each for one message at a time. */
const connections = 5;

/** Sends email over SMTP: `smtp://user:password@host:port`, `smtps:` for TLS from the first byte. */
export function createEmailSender(smtpUrl: string, from: string): Sender {
  const transport = createTransport(
    {
      url: smtpUrl,
      pool: true,
      maxConnections: connections,
      connectionTimeout: patienceMs,
      greetingTimeout: patienceMs,
      socketTimeout: patienceMs,
      disableFileAccess: true,
      disableUrlAccess: true,
    },
    { from },
  );
  return {
    atOnce: connections,
    async send({ id, to, subject, body }) {
      await transport.sendMail({
        // An object, or an address with a comma in it would be two.
        to: { name: "", address: to },
        subject,
        text: body,
        headers: { "X-Giftmesh-Message": String(id) },
      });
    },
    close: () => transport.close(),
  };
}
