import { aboutVoucher } from "../../platform/codes/about-voucher.ts";
import type { CodeKeys } from "../../platform/codes/code-keys.ts";
import type { KeptCode, SealedCode } from "../../platform/codes/kept-code.ts";
import type { Voucher } from "./domain/voucher-request.ts";

/** Keeps vouchers' codes, each bound to its request. */
export class VoucherCodes {
  private readonly keys: Pick<CodeKeys, "seal" | "open">;

  constructor(keys: Pick<CodeKeys, "seal" | "open">) {
    this.keys = keys;
  }

  /** A request's code as it is to be kept, from what another service has sealed. Throws where that is not of the request. */
  keep(requestId: bigint, sealed: SealedCode): KeptCode {
    const about = aboutVoucher(requestId);
    return this.keys.seal(about, this.keys.open(about, sealed));
  }

  /** A request's code. Throws CodeKeyMissing. */
  open({ id, state }: Voucher): string {
    return this.keys.open(aboutVoucher(id), state.code);
  }
}
