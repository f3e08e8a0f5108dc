import type { Sender } from "./delivery.ts";

const patienceMs = 5_000;

/**
 * Sends SMS through an HTTP gateway: POST of `{"to", "body"}` as JSON, with the message's id as `Idempotency-Key`; any
 * 2xx within 5 s is a success. A user and password in the URL are sent as Basic authentication (RFC 7617).
 */
export function createSmsSender(smsUrl: string): Sender {
  const { url, authorization } = withoutCredentials(smsUrl);
  return {
    async send({ id, to, body }) {
      const answer = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": String(id), ...authorization },
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

function withoutCredentials(smsUrl: string) {
  const url = new URL(smsUrl);
  const { username, password } = url;
  if (!username && !password) return { url, authorization: {} };
  url.username = "";
  url.password = "";
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
  return { url, authorization: { authorization: `Basic ${credentials.toString("base64")}` } };
}
