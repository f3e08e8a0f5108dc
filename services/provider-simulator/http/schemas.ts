/** What comes over HTTP, as JSON Schema. */

import { misbehaviours } from "../domain/behaviour.ts";

const dayMs = 86_400_000;

/** As the seed has it; what else there is, is ignored. */
export const voucherRequestSchema = {
  type: "object",
  required: ["phoneNumber", "callbackUrl"],
  properties: {
    phoneNumber: { type: "string", pattern: "^\\+?[0-9]{6,15}$" },
    callbackUrl: { type: "string", pattern: "^https?://[^\\s]+$", maxLength: 2_000 },
  },
};

/** What is left out is as with good behaviour; anything else is a mistake. */
export const behaviourSchema = {
  type: "object",
  additionalProperties: false,
  properties: {
    delay_ms: { type: "integer", minimum: 0, maximum: dayMs },
    delay_spread_ms: { type: "integer", minimum: 0, maximum: dayMs },
    failure_rate: { type: "number", minimum: 0, maximum: 1 },
    duplicate_callbacks: { type: "integer", minimum: 0, maximum: 10 },
    misbehaviour: { enum: [null, ...misbehaviours] },
  },
};

export const listSchema = {
  type: "object",
  properties: {
    phoneNumber: { type: "string", maxLength: 32 },
    after: { type: "string", pattern: "^[0-9]{1,15}$" },
  },
};
