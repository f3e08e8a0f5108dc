import { SessionService } from "../../../gen/giftmesh/profile/v1/session_service_pb.ts";
import { type Served, serve } from "../../platform/rpc/handler.ts";
import type { SessionEndings } from "../session-endings.ts";
import type { SigningKeys } from "../signing-keys.ts";

/** Sessions and signing keys, for the mesh itself. */
export function serveSessions(endings: SessionEndings, keys: SigningKeys): Served {
  return serve(SessionService, {
    async *watchEndedSessions(_request, call) {
      for await (const sessionIds of endings.watch(call.signal)) yield { sessionIds: [...sessionIds] };
    },

    async rotateSigningKey() {
      const { id } = await keys.rotate();
      return { keyId: id };
    },
  });
}
