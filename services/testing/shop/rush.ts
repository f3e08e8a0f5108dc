import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, RestClient } from "../rest-client.ts";
import { type Member, placedIn } from "./members.ts";
import { outcomeOf } from "./racing.ts";

/** Something that a member asked for, and what was answered last: nothing, where nobody answered or it was "try again". */
export interface Asked {
  readonly member: Member;
  readonly path: string;
  readonly body: unknown;
  readonly key: string;
  /** When it was first asked for, and answered, by the clock of `performance.now`. */
  readonly askedAt: number;
  answeredAt?: number;
  answer?: Answer;
}

/** What may be bought, and with which coupons. */
export interface Offering {
  readonly productIds: readonly number[];
  readonly couponIds: readonly number[];
}

/** What may be answered while services are killed. */
const expected: ReadonlySet<string> = new Set([
  "200",
  "201",
  "400 OUT_OF_STOCK",
  "400 COUPON_ALREADY_USED",
  "400 INSUFFICIENT_BALANCE",
  "400 PAYMENT_NOT_PAYABLE",
  "400 ORDER_NOT_CANCELLABLE",
  "404 COUPON_NOT_FOUND",
  "409 COUPON_ALREADY_ISSUED",
  "503 UNAVAILABLE",
]);

/** How often somebody asks again who is told to try again, and how long the pauses are, in milliseconds. */
const mostTries = 8;
const pauseMs = 250;

/** How long it is waited for answers, in milliseconds. */
const mostWaitMs = 10_000;

/**
 * Members who order, pay, cancel and think better of it, all at once, while services come and go: some ask again with
 * the same key until they are answered, some give up, some ask without waiting for the answer of what they asked before.
 */
export class Rush {
  /** Everything that was asked for. */
  readonly asked: Asked[] = [];
  /** Answers that nobody should be given, whatever is killed. */
  readonly surprises: string[] = [];
  private readonly members: readonly Member[];
  private readonly offering: Offering;
  private isOver = false;
  private answers = 0;

  constructor(members: readonly Member[], offering: Offering) {
    this.members = members;
    this.offering = offering;
  }

  /** Goes on until it is told to end. */
  async run(): Promise<void> {
    await Promise.all(
      this.members.map(async (member) => {
        while (!this.isOver) await this.buy(member);
      }),
    );
  }

  end(): void {
    this.isOver = true;
  }

  /** Waits until so many more were answered, or for a while where nobody is answered any more. */
  async hasAnswered(more: number): Promise<void> {
    const enough = this.answers + more;
    for (let waitedMs = 0; this.answers < enough && waitedMs < mostWaitMs; waitedMs += 10) await sleep(10);
  }

  /** Asks for everything again that was not answered, as a client would that was away; once nothing is killed any more. */
  async askAgain(): Promise<void> {
    const open = this.asked.filter(({ answer }) => !answer);
    for (let start = 0; start < open.length; start += 16) {
      await Promise.all(open.slice(start, start + 16).map((asked) => this.ask(asked, 60)));
    }
  }

  private async buy(member: Member): Promise<void> {
    const couponId = chance(0.4) ? oneOf(this.offering.couponIds) : undefined;
    if (couponId !== undefined) await this.persist(member, `/coupons/${couponId}`);
    const productIds = [...new Set([oneOf(this.offering.productIds), oneOf(this.offering.productIds)])];
    const items = productIds.map((product_id) => ({ product_id, quantity: 1 + Math.floor(Math.random() * 3) }));
    const placed = await this.persist(
      member,
      "/order/me",
      couponId === undefined ? { items } : { items, coupon_id: couponId },
    );
    if (placed?.status !== 201) return;
    const order = placedIn(placed);
    const paying = () => this.persist(member, `/payment/${order.id}`);
    const cancelling = () => this.persist(member, `/orders/${order.id}/cancel`);
    const fate = Math.random();
    if (fate < 0.5) await paying();
    else if (fate < 0.65) await Promise.all([paying(), paying()]);
    else if (fate < 0.75) await Promise.all([paying(), cancelling()]);
    else if (fate < 0.9) await paying().then(cancelling);
    else if (fate < 0.95) await cancelling();
    // The others let it expire.
  }

  /** Asks under a new key, and mostly until there is an answer; undefined where there is none. */
  private async persist(member: Member, path: string, body?: unknown): Promise<Answer | undefined> {
    const asked: Asked = { member, path, body, key: randomUUID(), askedAt: performance.now() };
    this.asked.push(asked);
    return this.ask(asked, chance(0.7) ? mostTries : 1);
  }

  private async ask(asked: Asked, tries: number): Promise<Answer | undefined> {
    for (let attempt = 1; attempt <= tries; attempt++) {
      const answer = await attemptAt(asked);
      if (answer && !expected.has(outcomeOf(answer))) this.surprises.push(`${asked.path}: ${answer.text}`);
      if (answer && answer.status < 500) {
        asked.answer = answer;
        asked.answeredAt = performance.now();
        this.answers++;
        return answer;
      }
      await sleep(pauseMs);
    }
    return undefined;
  }
}

/** Asks, under the key that this was asked with before; undefined where the connection breaks. */
export async function attemptAt({ member, path, body, key }: Asked): Promise<Answer | undefined> {
  try {
    return await new RestClient(member.client.base, member.client.token).post(path, body, { "idempotency-key": key });
  } catch {
    return undefined;
  }
}

function chance(of: number): boolean {
  return Math.random() < of;
}

function oneOf<Item>(items: readonly Item[]): Item {
  const item = items[Math.floor(Math.random() * items.length)];
  if (item === undefined) throw new Error("There is nothing to choose from");
  return item;
}
