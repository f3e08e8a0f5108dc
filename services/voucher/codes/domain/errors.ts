import { Refusal } from "../../../platform/refusal.ts";

/** Thrown when there is no such request, or the watch token is not its: nobody is told which. */
export class VoucherRequestNotFound extends Refusal {
  constructor() {
    super("not_found", { reason: "VOUCHER_REQUEST_NOT_FOUND", message: "Voucher request not found" });
  }
}

/** Thrown when as many watch as one process can have. */
export class TooManyWatchers extends Refusal {
  constructor() {
    const message = "Too many requests are being watched, try again";
    super("unavailable", { reason: "UNAVAILABLE", message, retryAfterSeconds: 5 });
  }
}
