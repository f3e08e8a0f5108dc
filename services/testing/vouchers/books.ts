import type { ListedVoucher } from "../../provider-simulator/http/controls.ts";
import type { RestClient } from "../rest-client.ts";
import type { Wish } from "./crowd.ts";

/** A voucher as its owner sees it. */
interface ShownVoucher {
  readonly request_id: number;
  readonly voucher_code: string;
  readonly channel: string;
}

/** What is known of the vouchers of one phone, on every side. */
interface Books {
  readonly phoneNumber: string;
  readonly wishes: readonly Wish[];
  /** As the provider's stand-in lists what it gave out. */
  readonly given: readonly ListedVoucher[];
  /** As the voucher service lists what there is. */
  readonly shown: readonly ShownVoucher[];
  /** What has left by SMS. */
  readonly messages: readonly string[];
}

/**
 * What is wrong with the vouchers of everybody who asked, by phone: nothing, where every request has one code, the
 * provider's, which was shown on the web or left by SMS, and once.
 */
export async function voucherFaults(
  wishes: readonly Wish[],
  admin: RestClient,
  providerUrl: string,
): Promise<string[]> {
  const faults: string[] = [];
  for (const [phoneNumber, ofPhone] of Map.groupBy(wishes, (wish) => wish.phoneNumber)) {
    const phone = encodeURIComponent(phoneNumber);
    const [given, shown, messages] = await Promise.all([
      givenOut(providerUrl, phone),
      listAll<ShownVoucher>(admin, `/voucher?phoneNumber=${phone}`),
      listAll<{ readonly body: string }>(admin, `/dev/messages?to=${phone}`),
    ]);
    const books = { phoneNumber, wishes: ofPhone, given, shown, messages: messages.map(({ body }) => body) };
    faults.push(...codeFaults(books), ...channelFaults(books), ...webFaults(books));
  }
  return faults;
}

/** Every request has one code, and it is the one that the provider gave it. */
function codeFaults({ phoneNumber, wishes, given, shown }: Books): string[] {
  const codes = new Map(shown.map((one) => [one.request_id, one.voucher_code]));
  const faults = wishes.flatMap(({ requestId }) => {
    const made = given.filter(({ key }) => key?.startsWith(`voucher-${requestId}-`));
    if (made.length !== 1) return [`request ${requestId} has ${made.length} vouchers of the provider's`];
    return made[0]?.voucher_code === codes.get(requestId) ? [] : [`request ${requestId} has ${codes.get(requestId)}`];
  });
  const lists = [shown, given].map((list) =>
    list
      .map(({ voucher_code }) => voucher_code)
      .toSorted()
      .join(),
  );
  return lists[0] === lists[1] ? faults : [...faults, `${phoneNumber} has ${shown.length} of ${given.length} codes`];
}

/** A code that left by SMS did once, and no other did. */
function channelFaults({ shown, messages }: Books): string[] {
  return shown.flatMap(({ request_id, voucher_code, channel }) => {
    const sent = messages.filter((body) => body.includes(voucher_code)).length;
    return sent === (channel === "sms" ? 1 : 0)
      ? []
      : [`request ${request_id} is for ${channel}, and left ${sent} times`];
  });
}

/** Who stayed saw what is so. */
function webFaults({ wishes, shown }: Books): string[] {
  const byRequest = new Map(shown.map((one) => [one.request_id, one]));
  return wishes.flatMap(({ requestId, seen }) => {
    const known = byRequest.get(requestId);
    if (!seen)
      return known?.channel === "sms" ? [] : [`request ${requestId} was seen by nobody, and is ${known?.channel}`];
    const isSo =
      seen.status === "delivered" &&
      seen.channel === known?.channel &&
      (seen.voucher_code ?? known?.voucher_code) === known?.voucher_code;
    return isSo ? [] : [`request ${requestId} was seen as ${JSON.stringify(seen)}`];
  });
}

async function givenOut(providerUrl: string, phone: string): Promise<ListedVoucher[]> {
  const response = await fetch(`${providerUrl}/vouchers?phoneNumber=${phone}`);
  return (await response.json()) as ListedVoucher[];
}

async function listAll<Item>(client: RestClient, path: string): Promise<Item[]> {
  const items: Item[] = [];
  for (let cursor = "", isFirst = true; isFirst || cursor; isFirst = false) {
    const { status, text, body } = await client.get(`${path}&per_page=100${cursor && `&cursor=${cursor}`}`);
    if (status !== 200) throw new Error(`${path} cannot be listed: ${text}`);
    items.push(...(body.data as unknown as Item[]));
    cursor = encodeURIComponent(String(body.meta?.next_cursor ?? ""));
  }
  return items;
}
