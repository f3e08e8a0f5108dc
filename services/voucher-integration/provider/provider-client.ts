import type { Pool } from "undici";
import { basicAuthorization } from "../../platform/basic-credentials.ts";
import type { CodeRequest } from "../domain/code-request.ts";
import { type ProviderAnswer, readAnswer } from "../domain/provider-answer.ts";

const headers = { "content-type": "application/json", "user-agent": "giftmesh" };

/** How much of an answer is read, in bytes; a longer one is none. */
const mostBytes = 16 * 1024;

export interface ProviderOptions {
  /** Where it is; a user and password in it are sent as Basic authentication (RFC 7617). Asked for once, when needed. */
  readonly url: () => URL;
  /** How long it may take to answer, in milliseconds. */
  readonly patienceMs: number;
  /** Connections, at most. */
  readonly connections: number;
}

/** The voucher provider (seed 003), by HTTP. Redirects are not followed. */
export class ProviderClient {
  private readonly options: ProviderOptions;
  private pool: Promise<Pool> | undefined;

  constructor(options: ProviderOptions) {
    this.options = options;
  }

  /**
   * Asks for the voucher of a leased request. However often it is asked for, by whomever, it is the same request to the
   * byte, with the same `Idempotency-Key`, and so the same voucher. No failure rejects.
   */
  async ask(request: CodeRequest, abandoned: AbortSignal): Promise<ProviderAnswer> {
    const { url, patienceMs } = this.options;
    const { phoneNumber, callbackUrl } = request;
    try {
      const base = url();
      const { statusCode, body } = await (await this.poolOf(base)).request({
        method: "POST",
        path: `${base.pathname.replace(/\/$/, "")}/api/request/voucher`,
        headers: { ...headers, ...basicAuthorization(base), "idempotency-key": `"${keyOf(request)}"` },
        body: JSON.stringify({ phoneNumber, callbackUrl }),
        signal: AbortSignal.any([abandoned, AbortSignal.timeout(patienceMs)]),
      });
      return readAnswer(statusCode, await body.text());
    } catch (error) {
      const { code, name } = error as NodeJS.ErrnoException;
      return { kind: "failed", why: name === "TimeoutError" ? `no answer within ${patienceMs} ms` : (code ?? name) };
    }
  }

  async close(): Promise<void> {
    await (await this.pool)?.destroy();
  }

  private poolOf(base: URL): Promise<Pool> {
    this.pool ??= this.open(base);
    return this.pool;
  }

  private async open({ origin }: URL): Promise<Pool> {
    // Loaded when it is first needed: a start does not wait for it.
    const { Pool } = await import("undici");
    const { patienceMs, connections } = this.options;
    return new Pool(origin, {
      connections,
      allowH2: false,
      connectTimeout: patienceMs,
      headersTimeout: patienceMs,
      bodyTimeout: patienceMs,
      maxResponseSize: mostBytes,
    });
  }
}

/** Unique whatever becomes of the numbers: a voucher service that begins anew counts from 1 again. */
function keyOf({ id, requestedAt }: CodeRequest): string {
  return `voucher-${id}-${requestedAt}`;
}
