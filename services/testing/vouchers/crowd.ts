import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Answer, RestClient } from "../rest-client.ts";

/** A code that somebody has asked for. */
export interface Wish {
  readonly requestId: number;
  readonly phoneNumber: string;
  /** What was seen on the web in the end, by who has stayed to see it; undefined where nobody has. */
  readonly seen: Seen | undefined;
}

/** A request as the web shows it. */
export interface Seen {
  readonly status: string;
  readonly channel?: string;
  readonly voucher_code?: string;
}

/** How long a client goes on asking, in milliseconds, and how long it pauses between. */
const patienceMs = 120_000;
const pauseMs = 100;

/** People who ask for voucher codes, some of whom stay to see them. They ask again where they get no answer, or "not now". */
export class Crowd {
  readonly wishes: Wish[] = [];
  /** Answers that nobody is to get. */
  readonly surprises: string[] = [];
  private readonly client: RestClient;
  private readonly phones: readonly string[];
  private readonly underWay = new Set<Promise<void>>();
  private asked = 0;

  constructor(client: RestClient, phones: readonly string[]) {
    this.client = client;
    this.phones = phones;
  }

  /** Has so many come and ask, all at once; every second one stays. */
  come(count: number): void {
    for (let one = 0; one < count; one++) this.track(this.want(this.asked++));
  }

  /** Resolves once at most so many have still not got what they stay for. */
  async atMostWaiting(count: number): Promise<void> {
    while (this.underWay.size > count) await sleep(10);
  }

  private track(work: Promise<void>): void {
    const tracked = work
      .catch((error) => void this.surprises.push(String(error)))
      .finally(() => this.underWay.delete(tracked));
    this.underWay.add(tracked);
  }

  private async want(number: number): Promise<void> {
    const phoneNumber = this.phones[number % this.phones.length] ?? "";
    const key = { "idempotency-key": randomUUID() };
    const path = `/voucher?phoneNumber=${encodeURIComponent(phoneNumber)}`;
    const { body } = await this.patiently(202, () => this.client.post(path, undefined, key));
    const { request_id: requestId, watch_token: token } = body.data as { request_id: number; watch_token: string };
    const seen = number % 2 === 0 ? await this.watch(requestId, token) : undefined;
    this.wishes.push({ requestId, phoneNumber, seen });
  }

  private async watch(requestId: number, token: string): Promise<Seen> {
    for (;;) {
      const path = `/voucher/requests/${requestId}?token=${token}&wait=5`;
      const { body } = await this.patiently(200, () => this.client.get(path));
      const seen = body.data as unknown as Seen;
      if (seen.status !== "processing") return seen;
    }
  }

  private async patiently(status: number, ask: () => Promise<Answer>): Promise<Answer> {
    const giveUpAt = Date.now() + patienceMs;
    for (;;) {
      const answer = await ask().catch(() => undefined);
      if (answer?.status === status) return answer;
      if (answer && answer.status !== 503) throw new Error(`${answer.status}: ${answer.text}`);
      if (Date.now() > giveUpAt) throw new Error(`No ${status} within ${patienceMs} ms`);
      await sleep(pauseMs);
    }
  }
}
