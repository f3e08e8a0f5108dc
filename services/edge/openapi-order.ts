import type { DescService } from "@bufbuild/protobuf";
import { Role } from "../../gen/giftmesh/common/v1/access_pb.ts";
import type { PublicMethod } from "./routes.ts";

/** What a client begins with: to sign in, and to have something to pay with. */
const first = ["AuthService", "PointsService"];

const clientRoles: readonly Role[] = [Role.USER, Role.VENDOR];

/**
 * The RPCs in the order that they are read in, whatever that of their files is: service by service, what clients begin
 * with first, and at the end what is for admins only and what is for development only.
 */
export function inReadingOrder(methods: readonly PublicMethod[]): PublicMethod[] {
  const byService = Map.groupBy(methods, ({ method }) => method.parent);
  return [...byService]
    .map(([service, own]) => ({ own, rank: rankOf(service, own), name: service.typeName }))
    .toSorted((one, other) => one.rank - other.rank || (one.name < other.name ? -1 : 1))
    .flatMap(({ own }) => own);
}

function rankOf({ name }: DescService, methods: readonly PublicMethod[]): number {
  if (methods.every(({ rest }) => rest.developmentOnly)) return first.length + 2;
  if (methods.every(isForAdmins)) return first.length + 1;
  return first.includes(name) ? first.indexOf(name) : first.length;
}

function isForAdmins({ access }: PublicMethod): boolean {
  return !access.anyone && !clientRoles.some((role) => access.roles.has(role));
}
