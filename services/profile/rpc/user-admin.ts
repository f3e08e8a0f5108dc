import type { CountryCode } from "libphonenumber-js";
import { UserAdminService } from "../../../gen/giftmesh/profile/v1/user_admin_service_pb.ts";
import { settle } from "../../platform/idempotency.ts";
import { Forbidden } from "../../platform/refusal.ts";
import { type Served, serve } from "../../platform/rpc/handler.ts";
import { mayMake } from "../domain/user.ts";
import type { Registration } from "../registration.ts";
import { readRole } from "../role-codes.ts";
import { readNewUser } from "./new-user.ts";
import { userShape } from "./shapes.ts";

/** Users, for those who run the house. */
export function serveUserAdmin(registration: Registration, phoneRegion: CountryCode): Served {
  return serve(UserAdminService, {
    async createUser(request, call) {
      const role = request.role === undefined ? "user" : readRole(request.role);
      if (!mayMake(readRole(call.caller.role), role)) throw new Forbidden();
      const details = readNewUser(request, phoneRegion, role, request.vendorId);
      return registration.register(details, request.password, call, (tx, user) =>
        settle(tx, call, { user: userShape(user) }),
      );
    },
  });
}
