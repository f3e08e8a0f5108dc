import { isIPv4 } from "node:net";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type Behaviour, goodBehaviour } from "../domain/behaviour.ts";
import type { Voucher } from "../domain/voucher.ts";
import type { Behaviours } from "../store/behaviours.ts";
import type { Vouchers } from "../store/vouchers.ts";
import { behaviourSchema, listSchema } from "./schemas.ts";

/** How many vouchers are listed at a time. */
const mostListed = 10_000;

export interface ControlsParts {
  readonly vouchers: Vouchers;
  readonly behaviours: Behaviours;
  /** Whether only this machine may use them. */
  readonly guarded: boolean;
}

/** What no provider has: how the stand-in behaves, and what it has given out. */
export function takeControls(app: FastifyInstance, { vouchers, behaviours, guarded }: ControlsParts): void {
  app.addHook("onRequest", async ({ ip }: FastifyRequest, reply: FastifyReply) => {
    if (guarded && !isLoopback(ip)) return reply.code(403).send({ message: "Only for this machine" });
    return undefined;
  });
  app.get("/simulator", async () => behaviours.current);
  app.put<{ Body: Partial<Behaviour> }>("/simulator", { schema: { body: behaviourSchema } }, async ({ body }) => {
    await behaviours.change({ ...goodBehaviour, ...body });
    return behaviours.current;
  });
  app.get<{ Querystring: { phoneNumber?: string; after?: string } }>(
    "/vouchers",
    { schema: { querystring: listSchema } },
    async ({ query: { phoneNumber, after = "0" } }) => {
      const listed = await vouchers.list(BigInt(after), phoneNumber, mostListed);
      return listed.map(shapeOf);
    },
  );
}

/** A voucher as tests see it. */
export interface ListedVoucher {
  readonly id: number;
  /** The `Idempotency-Key` that it was asked for with. */
  readonly key: string | null;
  readonly phone_number: string;
  readonly voucher_code: string;
  readonly callback: Voucher["callback"];
}

function shapeOf({ id, key, phoneNumber, code, callback }: Voucher): ListedVoucher {
  return { id: Number(id), key: key ?? null, phone_number: phoneNumber, voucher_code: code, callback };
}

function isLoopback(address: string): boolean {
  const plain = address.replace(/^::ffff:/, "");
  return plain === "::1" || (isIPv4(plain) && plain.startsWith("127."));
}
