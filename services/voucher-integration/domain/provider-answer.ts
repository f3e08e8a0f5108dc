import { challengeMethod, isChallenge } from "./proof.ts";

/** What the voucher provider has said to a request (seed 003). */
export type ProviderAnswer =
  | { readonly kind: "code"; readonly code: string }
  /** It will call back. */
  | { readonly kind: "acknowledged"; readonly challenge: string }
  /** A final no. */
  | { readonly kind: "refused"; readonly status: number }
  /** This attempt has come to nothing; `why` has nothing of what was said. */
  | { readonly kind: "failed"; readonly why: string };

/** Answers below 500 that say "not now"; 409 is for a key whose first request is still under way (the Idempotency-Key draft, 2.7). */
const passing: ReadonlySet<number> = new Set([408, 409, 425, 429]);

/** 1 to 128 printable characters of ASCII, without spaces. */
const codeForm = /^[\x21-\x7e]{1,128}$/;

export function isVoucherCode(value: unknown): value is string {
  return typeof value === "string" && codeForm.test(value);
}

/** Reads an answer: its status, and its body as text. */
export function readAnswer(status: number, text: string): ProviderAnswer {
  if (status >= 400 && status < 500 && !passing.has(status)) return { kind: "refused", status };
  if (status !== 200) return failed(`status ${status}`);
  const body = parse(text);
  if (!body) return failed("the answer is no JSON object");
  return "voucherCode" in body ? readCode(body) : readAcknowledgement(body);
}

function readCode({ status, voucherCode }: Body): ProviderAnswer {
  if (status !== "SUCCESS") return failed("the answer has a code and no status of SUCCESS");
  return isVoucherCode(voucherCode) ? { kind: "code", code: voucherCode } : failed("the answer's code is none");
}

function readAcknowledgement({ "t(codeVerifier)": challenge, transformMethod }: Body): ProviderAnswer {
  if (transformMethod !== challengeMethod) return failed("the acknowledgement's method is not S256");
  if (typeof challenge !== "string" || !isChallenge(challenge)) return failed("the acknowledgement has no challenge");
  return { kind: "acknowledged", challenge };
}

type Body = Readonly<Record<string, unknown>>;

function parse(text: string): Body | undefined {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null && !Array.isArray(body) ? (body as Body) : undefined;
  } catch {
    return undefined;
  }
}

function failed(why: string): ProviderAnswer {
  return { kind: "failed", why };
}
