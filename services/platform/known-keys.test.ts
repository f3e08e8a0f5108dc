import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { exportJWK, generateKeyPair } from "jose";
import { AuthService } from "../../gen/giftmesh/profile/v1/auth_service_pb.ts";
import { KnownKeys } from "./known-keys.ts";
import { Dispatcher } from "./rpc/dispatcher.ts";
import { MeshClients } from "./rpc/mesh-clients.ts";
import { recordedLog } from "./rpc/testing/log.ts";
import { serveOnly } from "./rpc/testing/serve-only.ts";
import { byClock } from "./testing/clocks.ts";

test.serial("a new key is found within seconds, though the clock was set back an hour meanwhile", async (t) => {
  const { publicKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  const { kty = "", crv = "", x = "" } = await exportJWK(publicKey);
  let kid = "old";
  const { log } = recordedLog();
  const dispatcher = new Dispatcher({ log });
  dispatcher.add(
    serveOnly(AuthService, {
      getJsonWebKeys: async () => ({ keys: [{ kty, crv, x, kid, use: "sig", alg: "EdDSA" }] }),
    }),
  );
  const keys = new KnownKeys(new MeshClients({ config: { addresses: {}, grpcTls: undefined }, dispatcher, log }), log);
  t.truthy(await keys.find("old"));

  kid = "new";
  t.truthy(await byClock(-3_600_000, () => Promise.race([keys.find("new"), sleep(9_000, undefined, { ref: false })])));
});
