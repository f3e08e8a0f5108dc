import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

/** An attempt at a delivery, as a platform sees it. */
export interface Attempt {
  readonly id: string;
  readonly orderId: number;
  readonly userId: number;
  /** How many were under way when it came, itself included. */
  readonly atOnce: number;
}

/** A platform that decides what it answers, delivery by delivery, and counts what it is sent at once. */
export interface PickyPlatform {
  readonly url: string;
  readonly attempts: readonly Attempt[];
  /** Attempts that were under way at once, at most: of all, and of one user. */
  readonly mostAtOnce: number;
  readonly mostAtOnceOfOneUser: number;
  stop(): void;
}

export async function startPickyPlatform(decide: (attempt: Attempt) => number, delayMs = 2): Promise<PickyPlatform> {
  const attempts: Attempt[] = [];
  const underWay: number[] = [];
  let mostOfOneUser = 0;
  const server = createServer(async (request, response) => {
    const { data } = (await json(request)) as { data: { id: number; user_id: number } };
    underWay.push(data.user_id);
    const id = String(request.headers["webhook-id"]);
    const attempt = { id, orderId: data.id, userId: data.user_id, atOnce: underWay.length };
    attempts.push(attempt);
    mostOfOneUser = Math.max(mostOfOneUser, underWay.filter((userId) => userId === attempt.userId).length);
    await sleep(delayMs);
    underWay.splice(underWay.indexOf(attempt.userId), 1);
    response.writeHead(decide(attempt)).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    attempts,
    get mostAtOnce() {
      return Math.max(...attempts.map(({ atOnce }) => atOnce));
    },
    get mostAtOnceOfOneUser() {
      return mostOfOneUser;
    },
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
