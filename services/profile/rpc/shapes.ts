import type { MessageInitShape } from "@bufbuild/protobuf";
import type { LoginResponseSchema } from "../../../gen/giftmesh/profile/v1/auth_service_pb.ts";
import type { UserSchema } from "../../../gen/giftmesh/profile/v1/user_pb.ts";
import type { User } from "../domain/user.ts";
import { roleCodes } from "../role-codes.ts";
import type { SessionTokens } from "../sign-in.ts";

export function userShape(user: User): MessageInitShape<typeof UserSchema> {
  return { ...user, role: roleCodes[user.role] };
}

/** What one is given who signs in, or goes on. */
export function sessionShape({ accessToken, lifetimeSeconds, refreshToken, user }: SessionTokens) {
  return {
    token: accessToken,
    tokenType: "Bearer",
    expiresIn: lifetimeSeconds,
    refreshToken,
    user: userShape(user),
  } satisfies Omit<MessageInitShape<typeof LoginResponseSchema>, "$typeName">;
}
