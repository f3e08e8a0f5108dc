import { create } from "@bufbuild/protobuf";
import test from "ava";
import { type Caller, CallerSchema, Role } from "../../../gen/giftmesh/common/v1/access_pb.ts";
import { AuthService, RefreshRequestSchema } from "../../../gen/giftmesh/profile/v1/auth_service_pb.ts";
import { UserAdminService } from "../../../gen/giftmesh/profile/v1/user_admin_service_pb.ts";
import { LedgerService } from "../../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import { GetPointsRequestSchema, PointsService } from "../../../gen/giftmesh/wallet/v1/points_service_pb.ts";
import { accessOf, authorize, authorizeRole, memberId, proofIn } from "./access.ts";
import { visible } from "./testing/failure.ts";

const callers = {
  nobody: create(CallerSchema),
  user: create(CallerSchema, { userId: 7n, role: Role.USER }),
  vendor: create(CallerSchema, { userId: 8n, role: Role.VENDOR, vendorId: 1n }),
  admin: create(CallerSchema, { userId: 9n, role: Role.ADMIN }),
  superAdmin: create(CallerSchema, { userId: 10n, role: Role.SUPER_ADMIN }),
  "a role without a user": create(CallerSchema, { role: Role.ADMIN }),
  "a user without a role": create(CallerSchema, { userId: 7n }),
};
type Who = keyof typeof callers;

const anyone = accessOf(AuthService.method.login) ?? failed();
const admins = accessOf(UserAdminService.method.createUser) ?? failed();
const members = accessOf(PointsService.method.getPoints) ?? failed();

const matrix: Readonly<Record<Who, { readonly [Rule in "anyone" | "members" | "admins"]: string }>> = {
  nobody: { anyone: "may", members: "unauthenticated", admins: "unauthenticated" },
  user: { anyone: "may", members: "may", admins: "forbidden" },
  vendor: { anyone: "may", members: "may", admins: "forbidden" },
  admin: { anyone: "may", members: "may", admins: "may" },
  superAdmin: { anyone: "may", members: "may", admins: "may" },
  "a role without a user": { anyone: "may", members: "unauthenticated", admins: "unauthenticated" },
  "a user without a role": { anyone: "may", members: "unauthenticated", admins: "unauthenticated" },
};

for (const [who, expected] of Object.entries(matrix)) {
  test(`${who}: ${JSON.stringify(expected)}`, (t) => {
    const caller = callers[who as Who];
    t.is(
      outcome(() => authorizeRole(anyone, caller)),
      expected.anyone,
    );
    t.is(
      outcome(() => authorizeRole(members, caller)),
      expected.members,
    );
    t.is(
      outcome(() => authorizeRole(admins, caller)),
      expected.admins,
    );
  });
}

const memberIds: readonly (readonly [member: string, who: Who, expected: string])[] = [
  ["me", "user", "may"],
  ["7", "user", "may"],
  ["8", "user", "not_found"],
  ["7", "vendor", "not_found"],
  ["7", "admin", "may"],
  ["7", "superAdmin", "may"],
  ["me", "nobody", "unauthenticated"],
  ["7", "nobody", "unauthenticated"],
  ["07", "user", "invalid"],
  ["0", "user", "invalid"],
  ["-7", "admin", "invalid"],
  ["7 ", "user", "invalid"],
  ["", "user", "invalid"],
  ["Me", "user", "invalid"],
  ["12345678901234567", "admin", "invalid"],
];

for (const [member, who, expected] of memberIds) {
  test(`the things of member "${member}" to ${who}: ${expected}`, (t) => {
    const request = create(GetPointsRequestSchema, { memberId: member });
    t.is(
      outcome(() => authorize(members, callers[who], request)),
      expected,
    );
  });
}

test("a malformed member id names its field as the proto has it", (t) => {
  const request = create(GetPointsRequestSchema, { memberId: "x" });
  const error = t.throws(() => authorize(members, callers.user, request));
  t.like(visible(error), { fields: [{ field: "member_id", description: 'The member id must be a user id or "me".' }] });
});

test("a proof is the field that the rule names, and none where that is empty or the rule names none", (t) => {
  const request = (refreshToken: string) => create(RefreshRequestSchema, { refreshToken });
  const refresh = accessOf(AuthService.method.refresh);
  t.is(proofIn(request("a"), refresh), "a");
  t.is(proofIn(request(""), refresh), undefined);
  t.is(proofIn(request("a"), anyone), undefined);
  t.is(proofIn(request("a"), undefined), undefined);
});

test("an internal RPC has no rule", (t) => {
  t.is(accessOf(LedgerService.method.transfer), undefined);
});

test("a rule is read once", (t) => {
  t.is(accessOf(PointsService.method.getPoints), members);
});

test('"me" is the caller, and a number who has it', (t) => {
  t.is(memberId("me", callers.user), 7n);
  t.is(memberId("8", callers.user), 8n);
  t.is(
    outcome(() => memberId("me", callers.nobody as Caller)),
    "unauthenticated",
  );
});

function outcome(check: () => unknown): string {
  try {
    check();
    return "may";
  } catch (error) {
    return (visible(error) as { kind: string }).kind;
  }
}

function failed(): never {
  throw new Error("A public RPC has no rule");
}
