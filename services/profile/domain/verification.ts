/** A code is good for ten minutes, in microseconds. */
export const codeGoodFor = 10n * 60n * 1_000_000n;

/** The least between two codes to one person on one channel, in microseconds. */
const codeEvery = 60n * 1_000_000n;

/**
 * The least between two codes to one contact, whoever asks for them, in microseconds: many accounts together guess no
 * faster at a code to somebody else's mailbox, nor fill it.
 */
const codeToContactEvery = 20n * 1_000_000n;

const mostTries = 5n;

/** The newest code that was sent to a person on a channel. */
export interface SentCode {
  /** Of the code, the person and the contact that it was sent to. */
  readonly hash: Uint8Array;
  /** How often a wrong code has been given since. */
  readonly tries: bigint;
  /** Microseconds since 1970. */
  readonly sentAt: bigint;
}

/**
 * Whole seconds until another code may be sent, after the person's last one and the contact's, which was sent at an
 * instant (0: never); 0 where that is now.
 */
export function secondsUntilNextCode(last: SentCode | undefined, contactSentAt: bigint, now: bigint): number {
  const next = [last ? last.sentAt + codeEvery : 0n, contactSentAt + codeToContactEvery];
  return Math.max(0, ...next.map((at) => Math.ceil(Number(at - now) / 1_000_000)));
}

/** Whether a code can still be tried. */
export function isOpen({ tries, sentAt }: SentCode, now: bigint): boolean {
  return tries < mostTries && now < sentAt + codeGoodFor;
}
