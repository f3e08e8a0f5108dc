import { basicAuthorization } from "../platform/basic-credentials.ts";
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
  const url = new URL(smsUrl);
  const headers = { "content-type": "application/json", ...basicAuthorization(url) };
  // `fetch` takes no URL with a user in it.
  Object.assign(url, { username: "", password: "" });
  return {
    atOnce: mostAtOnce,
    async send(message) {
      const { to, body } = message;
      const answer = await fetch(url, {
        method: "POST",
        headers: { ...headers, "idempotency-key": keyOf(message) },
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
