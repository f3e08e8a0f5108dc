import type { Caller } from "../../gen/giftmesh/common/v1/access_pb.ts";

/** Finds out who is calling from the token that they bear. */
export interface TokenVerifier {
  /**
   * The caller that a token was made for; the address is not in it. At once where the token is remembered, later where
   * it must be checked. Throws Unauthenticated for every bad token, whatever is wrong with it.
   */
  verify(token: string): Promise<Caller> | Caller;
}
