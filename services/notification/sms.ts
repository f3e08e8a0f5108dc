import type { Sender } from "./delivery.ts";
import type { Message } from "./domain/message.ts";

const patienceMs = 5_000;

/** Requests to the gateway at once. */
const mostAtOnce = 16;

/**
 * Sends SMS through an HTTP gateway: POST of `{"to", "body"}` as JSON, with an `Idempotency-Key` that is the message's
 * own; any 2xx within 5 s is a success. A user and password in the URL are sent as Basic authentication (RFC 7617).
 */
export function createSmsSender(smsUrl: string): Sender {
  const { url, authorization } = withoutCredentials(smsUrl);
  return {
    atOnce: mostAtOnce,
    async send(message) {
      const { to, body } = message;
      const answer = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": keyOf(message), ...authorization },
        body: JSON.stringify({ to, body }),
        redirect: "manual",
        signal: AbortSignal.timeout(patienceMs),
      });
      await answer.body?.cancel();
      if (!answer.ok) throw new Error(`The SMS gateway has answered ${answer.status}`);
    },
    close: () => undefined,
  };
}

/** Unique at a gateway that others use too, and whatever becomes of the numbers: a new database counts from 1 again. */
function keyOf({ id, createdAt }: Message): string {
  return `message-${id}-${createdAt}`;
}

function withoutCredentials(smsUrl: string) {
  const url = new URL(smsUrl);
  const { username, password } = url;
  if (!username && !password) return { url, authorization: {} };
  url.username = "";
  url.password = "";
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
  return { url, authorization: { authorization: `Basic ${credentials.toString("base64")}` } };
}
