import { randomBytes } from "node:crypto";
import { challengeOf } from "../domain/proof.ts";
import { requestText } from "./raw-http.ts";

export const path = "/api/voucher-code/vps/response";

/** Verifiers by what has become of their requests. */
export interface Verifiers {
  /** Acknowledged, and not called back yet. */
  readonly open: string;
  /** Called back with this code. */
  readonly used: string;
  readonly usedCode: string;
  /** Its time is up. */
  readonly over: string;
}

export const newVerifier = () => randomBytes(32).toString("base64url");

/** What the provider calls back with. */
export function goodBody(codeVerifier: string, voucherCode = "CODE-1") {
  const message = "Thank you for using our services, your voucher code is ready.";
  return { codeVerifier, message, status: "SUCCESS", voucherCode };
}

export function callbackText(body: unknown, headers: Readonly<Record<string, string | undefined>> = {}): Buffer {
  const bytes = typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body);
  return requestText(`POST ${path} HTTP/1.1`, { "content-type": "application/json", ...headers }, bytes);
}

/** Every way to call back that is to be refused, as the bytes that are sent. */
export function wrongCallbacks(verifiers: Verifiers): Readonly<Record<string, Buffer>> {
  return { ...wrongVerifiers(verifiers), ...wrongBodies(verifiers), ...wrongRequests(verifiers), ...noRequests() };
}

function wrongVerifiers({ open, used, usedCode, over }: Verifiers): Record<string, Buffer> {
  const wrong: Record<string, unknown> = {
    "no verifier": undefined,
    "an empty verifier": "",
    "a verifier that is null": null,
    "a verifier that is a number": 1,
    "a verifier that is a list": [open],
    "a verifier of 42 characters": open.slice(0, 42),
    "the right verifier, cut": open.slice(1),
    "the right verifier, padded": `${open}=`,
    "the right verifier and a line's end": `${open}\n`,
    "a verifier of 129 characters": "a".repeat(129),
    "a verifier with +": `${"a".repeat(42)}+`,
    "a verifier with /": `${"a".repeat(42)}/`,
    "a verifier with a space": `${"a".repeat(42)} `,
    "a verifier with é": `${"a".repeat(42)}é`,
    "a verifier that nobody has": newVerifier(),
    "the right verifier in other letters": swapCase(open),
    "the challenge in place of the verifier": challengeOf(open),
    "the verifier of a request whose time is up": over,
  };
  const byVerifier = Object.entries(wrong).map(([title, verifier]) => [
    title,
    callbackText({ ...goodBody(""), codeVerifier: verifier }),
  ]);
  return {
    ...Object.fromEntries(byVerifier),
    "a used verifier with another code": callbackText(goodBody(used, `${usedCode}X`)),
    "a used verifier with its code in other letters": callbackText(goodBody(used, swapCase(usedCode))),
  };
}

function wrongBodies({ open }: Verifiers): Record<string, Buffer> {
  const good = goodBody(open);
  const text = JSON.stringify(good);
  const bodies: Record<string, unknown> = {
    "no body": "",
    "a body that is no JSON": text.slice(0, -1),
    "a body with something after it": `${text}x`,
    "a list": [good],
    "a string": JSON.stringify(text),
    null: "null",
    "a body in a body": { body: good },
    "no status": { ...good, status: undefined },
    "another status": { ...good, status: "FAILED" },
    "a status in other letters": { ...good, status: "success" },
    "no message": { ...good, message: undefined },
    "a message that is a number": { ...good, message: 1 },
    "no code": { ...good, voucherCode: undefined },
    "an empty code": { ...good, voucherCode: "" },
    "a code that is a number": { ...good, voucherCode: 17 },
    "a code of 129 characters": { ...good, voucherCode: "C".repeat(129) },
    "a code with a space": { ...good, voucherCode: "CODE 1" },
    "a code with a line's end": { ...good, voucherCode: "CODE-1\r\n" },
    "the verifier twice": text.replace("{", `{"codeVerifier":"${open}",`),
    "another verifier first": text.replace("{", `{"codeVerifier":"${newVerifier()}",`),
    "the verifier twice, once in disguise": text.replace("{", `{"code\\u0056erifier":"${newVerifier()}",`),
    "the code twice": text.replace("{", '{"voucherCode":"CODE-2",'),
    "the status twice": text.replace("{", '{"status":"LATE_SUCCESS",'),
    "an unknown field twice": text.replace("{", '{"more":1,"more":{"more":2},'),
    "a mark before it": Buffer.from(`\ufeff${text}`),
    "bytes that are no UTF-8": Buffer.concat([
      Buffer.from(text.slice(0, -2)),
      Buffer.from([0xc3, 0x28]),
      Buffer.from('"}'),
    ]),
    "a body of 4097 bytes": text.padEnd(4_097),
    "a body of a megabyte": text.padEnd(1024 * 1024),
  };
  return Object.fromEntries(Object.entries(bodies).map(([title, body]) => [title, callbackText(body)]));
}

function wrongRequests({ open }: Verifiers): Record<string, Buffer> {
  const body = JSON.stringify(goodBody(open));
  const json = { "content-type": "application/json" };
  const lines = [
    ...["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"].map((method) => `${method} ${path}`),
    ...["/", `${path}/`, `/${path}`, `${path}?a=1`, path.toUpperCase(), `/x/..${path}`].map((other) => `POST ${other}`),
    `POST http://localhost${path}`,
    `POST ${path.replace("vps", "%76ps")}`,
  ];
  const types = [
    "",
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/jsonp",
    "application/json; charset=latin1",
  ];
  const chunked = `${body.length.toString(16)}\r\n${body}\r\n1001\r\n${" ".repeat(4_097)}\r\n0\r\n\r\n`;
  return {
    ...Object.fromEntries(lines.map((line) => [line, requestText(`${line} HTTP/1.1`, json, body)])),
    ...Object.fromEntries(types.map((type) => [`type "${type}"`, callbackText(body, { "content-type": type })])),
    "no type": callbackText(body, { "content-type": undefined }),
    "no host": callbackText(body, { host: undefined }),
    "an expectation": callbackText(body, { expect: "a miracle" }),
    "too many chunks": callbackText(chunked, { "content-length": undefined, "transfer-encoding": "chunked" }),
  };
}

function noRequests(): Record<string, Buffer> {
  const texts = {
    "no HTTP": "hello\r\n\r\n",
    "HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an unknown method": `CALL ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`,
    CONNECT: "CONNECT localhost:80 HTTP/1.1\r\nhost: localhost\r\n\r\n",
    "a length that is none": `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: x\r\n\r\n`,
    "two lengths": `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n`,
    "headers without an end": `POST ${path} HTTP/1.1\r\nx: ${"y".repeat(20_000)}`,
  };
  return Object.fromEntries(Object.entries(texts).map(([title, text]) => [title, Buffer.from(text)]));
}

function swapCase(text: string): string {
  return text.replace(/[a-z]|[A-Z]/g, (letter) =>
    letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
  );
}
