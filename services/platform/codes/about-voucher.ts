/** What the code of a voucher request is bound to: whoever seals one for it, and whoever opens it, says the same. */
export function aboutVoucher(requestId: bigint): string {
  return `voucher-${requestId}`;
}
