import type { Caller } from "../../gen/giftmesh/common/v1/access_pb.ts";

/** Finds out who is calling from the token that they bear. */
export interface TokenVerifier {
  /**
   * The caller that a token was made for; the address is not in it. At once where the token is remembered, later where
   * it must be checked. Throws Unauthenticated for every bad token, whatever is wrong with it. Before it asks another
   * service about the token, which anybody may cause with any token, it calls `beforeLookUp`, and throws what that throws.
   */
  verify(token: string, beforeLookUp?: () => void): Promise<Caller> | Caller;
}
