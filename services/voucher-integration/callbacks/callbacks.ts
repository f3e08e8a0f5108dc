import { aboutVoucher } from "../../platform/codes/about-voucher.ts";
import type { CodeKeys } from "../../platform/codes/code-keys.ts";
import { callBack, type Step } from "../domain/code-request.ts";
import { challengeOf } from "../domain/proof.ts";
import type { RequestLane } from "../request-lane.ts";
import type { Requests } from "../store/requests.ts";
import type { CallbackContent } from "./callback-content.ts";

export interface CallbacksParts {
  readonly requests: Pick<Requests, "findByChallenge">;
  readonly lane: RequestLane;
  readonly keys: Pick<CodeKeys, "seal" | "searchKeys">;
  readonly lateAfterMs: number;
}

/** Takes codes that the provider calls back with, each from whoever shows the verifier of its request, once. */
export class Callbacks {
  private readonly parts: CallbacksParts;

  constructor(parts: CallbacksParts) {
    this.parts = parts;
  }

  /** What a callback comes to: `taken`, `repeated`, or `left` where it has no effect and never had. */
  async take({ codeVerifier, voucherCode }: CallbackContent): Promise<Step["kind"]> {
    const { requests, lane, keys, lateAfterMs } = this.parts;
    const challenge = challengeOf(codeVerifier);
    const found = await requests.findByChallenge(challenge);
    if (!found) return "left";
    const code = keys.seal(aboutVoucher(found.id), voucherCode);
    const callback = { challenge, code, searchKeys: keys.searchKeys(voucherCode) };
    const { kind } = await lane.take(found.id, (known, now) => callBack(known, callback, lateAfterMs, now));
    return kind;
  }
}
