import type { CountryCode } from "libphonenumber-js";
import { AuthService, ContactChannel } from "../../../gen/giftmesh/profile/v1/auth_service_pb.ts";
import { settle } from "../../platform/idempotency.ts";
import { Unauthenticated } from "../../platform/refusal.ts";
import type { Call } from "../../platform/rpc/call.ts";
import { type Served, serve } from "../../platform/rpc/handler.ts";
import type { Channel } from "../domain/contact.ts";
import { canonicalUsername, type User } from "../domain/user.ts";
import type { Registration } from "../registration.ts";
import type { SignIn } from "../sign-in.ts";
import type { SigningKeys } from "../signing-keys.ts";
import type { Users } from "../store/users.ts";
import type { Verification } from "../verification.ts";
import { readNewUser } from "./new-user.ts";
import { sessionShape, userShape } from "./shapes.ts";

interface Parts {
  readonly users: Users;
  readonly registration: Registration;
  readonly signIn: SignIn;
  readonly verification: Verification;
  readonly keys: SigningKeys;
  readonly phoneRegion: CountryCode;
}

/** Says who is calling. */
export function serveAuth({ users, registration, signIn, verification, keys, phoneRegion }: Parts): Served {
  /** Whoever checked the token may not have heard yet that its session has ended. */
  const signedIn = async ({ caller }: Call): Promise<User> => {
    const user = await users.findBySession(caller.userId, caller.sessionId);
    if (!user) throw new Unauthenticated();
    return user;
  };

  return serve(AuthService, {
    async register(request, call) {
      const details = readNewUser(request, phoneRegion, "user");
      return registration.register(details, request.password, call, (tx, user) =>
        settle(tx, call, { user: userShape(user) }),
      );
    },

    async login({ username, password }, call) {
      const attempt = { username: canonicalUsername(username), address: call.caller.address };
      return signIn.login(attempt, password, (tx, tokens) => settle(tx, call, sessionShape(tokens)));
    },

    async refresh({ refreshToken }, call) {
      return signIn.refresh(refreshToken, call, (tx, tokens) => settle(tx, call, sessionShape(tokens)));
    },

    async logout(_request, call) {
      return signIn.logout(call.caller.sessionId, (tx) => settle(tx, call, {}));
    },

    async getMe(_request, call) {
      return { user: userShape(await signedIn(call)) };
    },

    async requestVerification({ channel }, call) {
      const { id } = await signedIn(call);
      return verification.request(id, readChannel(channel), call, (tx) => settle(tx, call, {}));
    },

    async confirmVerification({ channel, code }, call) {
      const { id } = await signedIn(call);
      return verification.confirm(id, readChannel(channel), code, (tx, user) =>
        settle(tx, call, { user: userShape(user) }),
      );
    },

    async getJsonWebKeys() {
      const known = await keys.all();
      return { keys: known.map(({ id, x }) => ({ kty: "OKP", crv: "Ed25519", x, kid: id, use: "sig", alg: "EdDSA" })) };
    },
  });
}

/** The proto's rules have let no other through. */
function readChannel(channel: ContactChannel): Channel {
  return channel === ContactChannel.EMAIL ? "email" : "phone";
}
