import { randomBytes } from "node:crypto";
import { type Mesh, serviceNames, startMesh } from "../mesh.ts";
import { createLog } from "../platform/logging.ts";
import type { ServiceDefinition } from "../platform/service.ts";
import { type Engine, testConfig } from "../platform/testing/engines.ts";
import { RestClient } from "./rest-client.ts";

export const adminPassword = "the admin's password";

/** No test is about the rates but the one that is. */
export const unlimited = {
  RATE_LIMIT_ADMIN_PER_MINUTE: "1000000000",
  RATE_LIMIT_USER_PER_MINUTE: "1000000000",
  RATE_LIMIT_VENDOR_PER_MINUTE: "1000000000",
  RATE_LIMIT_ANONYMOUS_PER_MINUTE: "1000000000",
};

/** A whole mesh in this process, with its clients. */
export interface RunningMesh {
  readonly mesh: Mesh;
  /** Signed in as nobody. */
  readonly anonymous: RestClient;
  /** Signed in as the first admin, a super_admin. */
  readonly superAdmin: RestClient;
  /** Makes somebody with a role. */
  newStaff(role: "vendor" | "admin", fields?: Readonly<Record<string, unknown>>): Promise<RestClient>;
}

/** Who else is in the mesh, and who is not. */
export interface MeshParty {
  readonly without?: readonly string[];
  readonly guests?: readonly ServiceDefinition[];
}

/** Starts every service on an engine, on free ports. */
export async function runMesh(
  engine: Engine,
  environment: Readonly<Record<string, string>> = {},
  { without = [], guests = [] }: MeshParty = {},
): Promise<RunningMesh> {
  const config = testConfig(engine, { ...unlimited, ADMIN_PASSWORD: adminPassword, ...environment });
  const mesh = await startMesh(
    serviceNames.filter((name) => !without.includes(name)),
    config,
    createLog(config),
    guests,
  );
  if (!mesh.edgeUrl) throw new Error("The edge is not running");
  const anonymous = new RestClient(mesh.edgeUrl);
  const superAdmin = await anonymous.login(config.adminUsername, adminPassword);
  return {
    mesh,
    anonymous,
    superAdmin,
    async newStaff(role, fields = {}) {
      const username = `${role}-${randomBytes(6).toString("hex")}`;
      const password = "correct horse";
      const vendor = role === "vendor" ? { vendor_id: 1 } : {};
      const { status, text } = await superAdmin.post("/admin-api/users", {
        username,
        password,
        role,
        ...vendor,
        ...fields,
      });
      if (status !== 201) throw new Error(`${username} cannot be made: ${text}`);
      return anonymous.login(username, password);
    },
  };
}
