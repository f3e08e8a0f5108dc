/** A refresh token is good for 30 days, in microseconds. */
export const refreshTokenGoodFor = 30n * 24n * 3600n * 1_000_000n;

/** A refresh token that was presented, and its session. Instants are microseconds since 1970. */
export interface PresentedToken {
  readonly sessionId: bigint;
  readonly userId: bigint;
  readonly issuedAt: bigint;
  readonly isUsed: boolean;
  readonly isEnded: boolean;
}

/**
 * What to do about a refresh token. One that comes twice has been stolen, from the client or by it: since nobody can
 * tell which of the two is the thief, the session ends for both (RFC 9700, 4.14.2).
 */
export type RefreshVerdict = "renew" | "end" | "refuse";

export function judgeRefreshToken(token: PresentedToken, now: bigint): RefreshVerdict {
  if (token.isEnded) return "refuse";
  if (token.isUsed) return "end";
  return now - token.issuedAt < refreshTokenGoodFor ? "renew" : "refuse";
}
