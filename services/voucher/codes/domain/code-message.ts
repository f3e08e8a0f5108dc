import type { Received, VoucherRequest } from "./voucher-request.ts";

/** What an SMS says that has a code in it (seed 003 says it of a code in time and of a late one). */
export function messageWith(
  code: string,
  { lateAt }: Pick<VoucherRequest, "lateAt">,
  received: Pick<Received, "receivedAt">,
): string {
  const thanks = received.receivedAt < lateAt ? "Thank you for using our services" : "Thank you for your patience";
  return `${thanks}, your voucher code is ready: ${code}`;
}
