import { Role as RoleCode } from "../../gen/giftmesh/common/v1/access_pb.ts";
import type { Role } from "./domain/user.ts";

/** What messages call a role. */
export const roleCodes: Readonly<Record<Role, RoleCode>> = {
  user: RoleCode.USER,
  vendor: RoleCode.VENDOR,
  admin: RoleCode.ADMIN,
  super_admin: RoleCode.SUPER_ADMIN,
};

const rolesByCode: ReadonlyMap<RoleCode, Role> = new Map(
  Object.entries(roleCodes).map(([role, code]) => [code, role as Role]),
);

/** The role that a message means: the proto's rules and the access rule have let no other through. */
export function readRole(code: RoleCode): Role {
  const role = rolesByCode.get(code);
  if (role === undefined) throw new Error(`No role has the code ${code}`);
  return role;
}
