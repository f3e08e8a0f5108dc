import { refuseIfAnswered } from "../platform/answered-elsewhere.ts";
import type { Database, Transaction } from "../platform/database/database.ts";
import type { IdSequence } from "../platform/ids.ts";
import type { Call } from "../platform/rpc/call.ts";
import { now } from "../platform/time.ts";
import { signAccessToken } from "./access-token.ts";
import { InvalidCredentials, InvalidRefreshToken, TooManyAttempts } from "./domain/errors.ts";
import { judgeRefreshToken } from "./domain/session.ts";
import { addFailure, type LoginFailures, secondsToWait } from "./domain/throttle.ts";
import type { User } from "./domain/user.ts";
import type { Passwords } from "./passwords.ts";
import { generateRefreshToken, hashRefreshToken } from "./refresh-token.ts";
import type { SessionEndings } from "./session-endings.ts";
import type { SigningKey } from "./signing-key.ts";
import type { SigningKeys } from "./signing-keys.ts";
import type { Attempt, LoginFailureCounts } from "./store/login-failures.ts";
import type { Sessions } from "./store/sessions.ts";
import type { Users } from "./store/users.ts";

interface Parts {
  readonly database: Database;
  readonly users: Users;
  readonly sessions: Sessions;
  readonly sessionIds: IdSequence;
  readonly failures: LoginFailureCounts;
  readonly passwords: Passwords;
  readonly keys: SigningKeys;
  readonly endings: SessionEndings;
  readonly tokenLifetimeSeconds: number;
}

/** What a session is held by. */
export interface SessionTokens {
  readonly accessToken: string;
  readonly lifetimeSeconds: number;
  readonly refreshToken: string;
  readonly user: User;
}

/** Ends a transaction; what it answers is answered. */
type Finish<R, T> = (tx: Transaction, result: R) => Promise<T>;

/** Starts sessions, goes on with them and ends them. */
export class SignIn {
  private readonly parts: Parts;

  constructor(parts: Parts) {
    this.parts = parts;
  }

  /** Starts a session. Throws InvalidCredentials, and TooManyAttempts. */
  async login<T>(attempt: Attempt, password: string, finish: Finish<SessionTokens, T>): Promise<T> {
    const { database, users, sessions, sessionIds, failures, passwords, keys } = this.parts;
    refuseIfTooSoon(await failures.find(attempt));
    const found = await users.findByUsername(attempt.username);
    // A hash is computed whether there is such a user or not, so that the time tells nothing.
    const isRight = await passwords.verify(password, found?.passwordHash);
    if (!found || !isRight) {
      await this.countFailure(attempt);
      throw new InvalidCredentials();
    }
    const [[key], sessionId] = await Promise.all([keys.all(), sessionIds.take()]);
    return database.transaction(async (tx) => {
      // Others may have failed meanwhile: who guesses many passwords at once learns no more than one after the other.
      refuseIfTooSoon(await failures.lock(tx, attempt));
      await failures.clearAddress(tx, attempt);
      await failures.rememberNetwork(tx, attempt, now());
      const refreshToken = generateRefreshToken();
      await sessions.start(tx, sessionId, found.user.id, hashRefreshToken(refreshToken), now());
      return finish(tx, await this.tokensOf(found.user, sessionId, key, refreshToken));
    });
  }

  /** Goes on with a session. Throws InvalidRefreshToken; where the token has been used before, the session ends. */
  async refresh<T>(presented: string, call: Call, finish: Finish<SessionTokens, T>): Promise<T> {
    const { database, users, sessions, keys, endings } = this.parts;
    const hash = hashRefreshToken(presented);
    const refreshToken = generateRefreshToken();
    const nextHash = hashRefreshToken(refreshToken);
    const [key] = await keys.all();
    // A refusal that has an effect must not be thrown before that is committed.
    const outcome = await database.transaction(async (tx) => {
      const token = await sessions.present(tx, hash);
      const user = token && (await users.find(tx, token.userId));
      if (!user) return { verdict: "refuse" } as const;
      const renewed = async () => {
        const tokens = await this.tokensOf(user, token.sessionId, key, refreshToken);
        return { verdict: "renew", answer: await finish(tx, tokens) } as const;
      };
      const verdict = judgeRefreshToken(token, now());
      switch (verdict) {
        case "renew": {
          await sessions.renew(tx, token.sessionId, hash, nextHash, now());
          return renewed();
        }
        case "end":
          await refuseIfAnswered(tx, call);
          // A commit of which nobody heard has renewed it already.
          if (await sessions.present(tx, nextHash)) return renewed();
          await sessions.end(tx, token.sessionId, now());
          return { verdict, sessionId: token.sessionId } as const;
        case "refuse":
          return { verdict } as const;
        default:
          throw verdict satisfies never;
      }
    });
    if (outcome.verdict === "renew") return outcome.answer;
    if (outcome.verdict === "end") endings.tell([outcome.sessionId]);
    throw new InvalidRefreshToken();
  }

  /** Ends a session. One that has ended stays so. */
  async logout<T>(sessionId: bigint, finish: Finish<undefined, T>): Promise<T> {
    const { database, sessions, endings } = this.parts;
    const answer = await database.transaction(async (tx) => {
      await sessions.end(tx, sessionId, now());
      return finish(tx, undefined);
    });
    endings.tell([sessionId]);
    return answer;
  }

  private countFailure(attempt: Attempt): Promise<void> {
    const { database, failures } = this.parts;
    return database.transaction(async (tx) => {
      await failures.prepare(tx, attempt);
      const before = await failures.lock(tx, attempt);
      refuseIfTooSoon(before);
      await failures.save(tx, attempt, {
        fromAddress: addFailure(before.fromAddress, now()),
        ofUsername: addFailure(before.ofUsername, now()),
      });
    });
  }

  private async tokensOf(user: User, sessionId: bigint, key: SigningKey, refreshToken: string): Promise<SessionTokens> {
    const { tokenLifetimeSeconds: lifetimeSeconds } = this.parts;
    const accessToken = await signAccessToken(user, sessionId, key, lifetimeSeconds);
    return { accessToken, lifetimeSeconds, refreshToken, user };
  }
}

/** Throws TooManyAttempts. */
function refuseIfTooSoon(failures: LoginFailures): void {
  const seconds = secondsToWait(failures, now());
  if (seconds > 0) throw new TooManyAttempts(seconds);
}
