import { isVerifier } from "../domain/proof.ts";
import { isVoucherCode } from "../domain/provider-answer.ts";
import { topLevelNames } from "./json-names.ts";

/** What the provider calls back with (seed 003). */
export interface CallbackContent {
  readonly codeVerifier: string;
  readonly voucherCode: string;
}

const statuses: readonly unknown[] = ["SUCCESS", "LATE_SUCCESS"];

/** Throws where the bytes are no UTF-8. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads a callback's body; undefined where it is anything but one, or says something twice. */
export function readCallback(bytes: Uint8Array): CallbackContent | undefined {
  let text: string;
  let body: unknown;
  try {
    text = utf8.decode(bytes);
    body = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof body !== "object" || body === null || Array.isArray(body)) return undefined;
  const names = topLevelNames(text);
  if (new Set(names).size !== names.length) return undefined;
  const { codeVerifier, voucherCode, status, message } = body as Readonly<Record<string, unknown>>;
  if (typeof codeVerifier !== "string" || !isVerifier(codeVerifier) || !isVoucherCode(voucherCode)) return undefined;
  return statuses.includes(status) && typeof message === "string" ? { codeVerifier, voucherCode } : undefined;
}
