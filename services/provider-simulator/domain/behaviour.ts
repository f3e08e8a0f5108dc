/** What a provider may do wrong. All but `malformed_answer` is decided when a voucher is asked for. */
export const misbehaviours = [
  /** Acknowledges with a method that there is not. */
  "wrong_method",
  /** Acknowledges with the method `plain` of RFC 7636, and so tells the verifier itself. */
  "plain",
  /** Acknowledges with something that is no challenge. */
  "wrong_challenge",
  /** Answers with something that is no JSON, until it behaves again. */
  "malformed_answer",
  /** Acknowledges, and never calls back. */
  "no_callback",
  /** Calls back before its acknowledgement has arrived. */
  "early_callback",
  /** Calls back with a verifier that is not the one. */
  "wrong_verifier",
  /** Calls back with something that is no JSON. */
  "malformed_callback",
  /** Calls back, and then again with another code. */
  "two_codes",
] as const;

export type Misbehaviour = (typeof misbehaviours)[number];

/** How the stand-in behaves from now on. */
export interface Behaviour {
  /** How long a voucher takes to be ready, in milliseconds: 0 to 86,400,000. */
  readonly delay_ms: number;
  /** How much longer it may take by chance, in milliseconds: 0 to 86,400,000. */
  readonly delay_spread_ms: number;
  /** How many requests fail, 0 to 1: with a 500, half of them before and half of them after a voucher was made. */
  readonly failure_rate: number;
  /** How often each callback that was accepted comes again: 0 to 10. */
  readonly duplicate_callbacks: number;
  readonly misbehaviour: Misbehaviour | null;
}

/** Well, and fast. */
export const goodBehaviour: Behaviour = {
  delay_ms: 0,
  delay_spread_ms: 0,
  failure_rate: 0,
  duplicate_callbacks: 0,
  misbehaviour: null,
};
