import type { FastifyInstance, FastifyReply } from "fastify";
import { now } from "../../platform/time.ts";
import { pause } from "../../platform/waiting.ts";
import { answerTo, challengeOf, type Pace, type Voucher } from "../domain/voucher.ts";
import type { Making } from "../making.ts";
import type { Behaviours } from "../store/behaviours.ts";
import { readIdempotencyKey } from "./idempotency-key.ts";
import { voucherRequestSchema } from "./schemas.ts";

export interface RequestsParts {
  readonly making: Making;
  readonly behaviours: Behaviours;
  readonly pace: Pace;
}

type Asked = Pick<Voucher, "phoneNumber" | "callbackUrl">;

/** What the provider has (seed 003): a voucher is asked for, and answered when it is ready or acknowledged by the mark. */
export function takeRequests(app: FastifyInstance, { making, behaviours, pace }: RequestsParts): void {
  app.post<{ Body: Asked }>(
    "/api/request/voucher",
    { schema: { body: voucherRequestSchema } },
    async ({ headers, body: { phoneNumber, callbackUrl } }, reply) => {
      const key = readIdempotencyKey(headers["idempotency-key"]);
      const fails = Math.random() < behaviours.current.failure_rate;
      if (fails && Math.random() < 0.5) return fail(reply, "Failed before there was a voucher");
      const voucher = await making.make({ key, phoneNumber, callbackUrl });
      if (fails) return fail(reply, "Failed after there was a voucher");
      const answer = answerTo(voucher, pace, now());
      await waitUntil(answer.at, reply);
      if (behaviours.current.misbehaviour === "malformed_answer") {
        return reply.type("application/json").send('{"voucherCode": "');
      }
      return reply.send(answer.kind === "code" ? codeOf(voucher) : acknowledgementOf(voucher));
    },
  );
}

function fail(reply: FastifyReply, message: string): FastifyReply {
  return reply.code(500).send({ message });
}

function codeOf({ code }: Voucher) {
  const message = "Thank you for using our services, your voucher code is ready.";
  return { message, status: "SUCCESS", voucherCode: code };
}

function acknowledgementOf(voucher: Voucher) {
  const { challenge, method } = challengeOf(voucher);
  const message = "Your request is being processed within 30 seconds";
  return { "t(codeVerifier)": challenge, transformMethod: method, message };
}

/** Or until whoever asked has gone away. */
async function waitUntil(instant: bigint, { raw }: FastifyReply): Promise<void> {
  const waitMs = Number((instant - now()) / 1_000n);
  if (waitMs <= 0) return;
  const gone = new AbortController();
  const leave = () => gone.abort();
  raw.once("close", leave);
  await pause(waitMs, gone.signal);
  raw.off("close", leave);
}
