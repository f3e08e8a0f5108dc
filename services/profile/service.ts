import { readPhoneRegion } from "../platform/phone-number.ts";
import type { ServiceDefinition } from "../platform/service.ts";
import { now } from "../platform/time.ts";
import { makeFirstAdmin } from "./first-admin.ts";
import { Passwords } from "./passwords.ts";
import { Registration } from "./registration.ts";
import { serveAuth } from "./rpc/auth.ts";
import { serveContacts } from "./rpc/contacts.ts";
import { serveSessions } from "./rpc/sessions.ts";
import { serveUserAdmin } from "./rpc/user-admin.ts";
import { SessionEndings } from "./session-endings.ts";
import { SignIn } from "./sign-in.ts";
import { openSigningKeys } from "./signing-keys.ts";
import { LoginFailureCounts } from "./store/login-failures.ts";
import { migrations } from "./store/migrations.ts";
import { SentCodes } from "./store/sent-codes.ts";
import { Sessions } from "./store/sessions.ts";
import { SigningKeyRows } from "./store/signing-key-rows.ts";
import { Users } from "./store/users.ts";
import { Verification } from "./verification.ts";

const purgeEveryMs = 600_000;

/** Knows who is who: users, their sessions and tokens, and which contacts are their own. */
export const profile: ServiceDefinition = {
  name: "profile",
  migrations,
  async create({ config, database, outbox, ids }) {
    const { tokenLifetimeSeconds } = config;
    const phoneRegion = readPhoneRegion(config.defaultPhoneRegion);
    const users = new Users(database);
    const sessions = new Sessions(database);
    const failures = new LoginFailureCounts(database);
    const codes = new SentCodes(database);
    const passwords = new Passwords(config.passwordCost);
    const endings = new SessionEndings(sessions, tokenLifetimeSeconds);
    const registration = new Registration({ database, users, ids: ids("users"), passwords, outbox });
    const verification = new Verification({ database, users, codes, outbox });
    const keys = await openSigningKeys(config.signingKeysFile, new SigningKeyRows(database));
    const signIn = new SignIn({
      database,
      users,
      sessions,
      sessionIds: ids("sessions"),
      failures,
      passwords,
      keys,
      endings,
      tokenLifetimeSeconds,
    });
    return {
      announcements: await makeFirstAdmin(config, users, registration),
      serves: [
        serveAuth({ users, registration, signIn, verification, keys, phoneRegion }),
        serveUserAdmin(registration, phoneRegion),
        serveSessions(endings, keys),
        serveContacts(users),
      ],
      workers: [
        { name: "find-ended-sessions", everyMs: 500, alone: false, run: () => endings.find() },
        { name: "purge-sessions", everyMs: purgeEveryMs, alone: true, run: () => sessions.purge(now()) },
        { name: "purge-login-failures", everyMs: purgeEveryMs, alone: true, run: () => failures.purge(now()) },
        { name: "purge-verification-codes", everyMs: purgeEveryMs, alone: true, run: () => codes.purge(now()) },
      ],
      stop: async () => endings.stop(),
    };
  },
};
