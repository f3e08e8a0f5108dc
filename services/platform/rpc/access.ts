import { type DescMethod, getOption, hasOption, type Message, ScalarType } from "@bufbuild/protobuf";
import { type AccessRule, access, type Caller, Role } from "../../../gen/giftmesh/common/v1/access_pb.ts";
import { Forbidden, InvalidFields, NotFound, Unauthenticated } from "../refusal.ts";

/** Who may call one public RPC: its `giftmesh.common.v1.access`, ready to be held against a caller. */
export interface Access {
  /** No token needed. */
  readonly anyone: boolean;
  /** Every role that may, super admins among them where admins are. */
  readonly roles: ReadonlySet<Role>;
  /** The field of the request that names the member whose things these are. */
  readonly callerField: RequestField | undefined;
  /** The field of the request that proves who calls, wherever they call from. */
  readonly proofField: RequestField | undefined;
}

interface RequestField {
  /** As the proto has it: `member_id`. */
  readonly name: string;
  /** As messages have it: `memberId`. */
  readonly localName: string;
}

const userId = /^[1-9][0-9]{0,15}$/;
const parsed = new WeakMap<DescMethod, Access | undefined>();

/** The access rule of an RPC; none for an internal one. */
export function accessOf(method: DescMethod): Access | undefined {
  if (parsed.has(method)) return parsed.get(method);
  const rule = hasOption(method, access) ? parse(method, getOption(method, access)) : undefined;
  parsed.set(method, rule);
  return rule;
}

function parse(method: DescMethod, rule: AccessRule): Access {
  const roles = new Set(rule.roles);
  if (roles.has(Role.ADMIN)) roles.add(Role.SUPER_ADMIN);
  if (rule.proofField && !rule.anyone) throw wrong(method, "has a proof_field, which is only for what anyone may call");
  return {
    anyone: rule.anyone,
    roles,
    callerField: stringField(method, rule.callerField),
    proofField: stringField(method, rule.proofField),
  };
}

function stringField(method: DescMethod, name: string): RequestField | undefined {
  if (!name) return undefined;
  const field = method.input.fields.find((one) => one.name === name);
  if (!field) throw wrong(method, `names the field ${name}, which ${method.input.typeName} does not have`);
  if (field.scalar !== ScalarType.STRING || field.fieldKind !== "scalar")
    throw wrong(method, `names the field ${name}, which is no string`);
  return { name, localName: field.localName };
}

function wrong({ parent, name }: DescMethod, what: string): Error {
  return new Error(`${parent.typeName}/${name} ${what}`);
}

/**
 * Holds a caller and a request against a rule. Throws Unauthenticated where nobody is signed in, Forbidden where the
 * role may not, NotFound where the things are another member's, and InvalidFields where they are nobody's.
 */
export function authorize(rule: Access, caller: Caller, request: Message): void {
  authorizeRole(rule, caller);
  if (!rule.callerField) return;
  authorizeMember(rule.callerField.name, textIn(request, rule.callerField), caller);
}

/** What a request has to prove who calls; undefined where its RPC knows no proof, or it has none. */
export function proofIn(request: Message, rule: Access | undefined): string | undefined {
  return (rule?.proofField && textIn(request, rule.proofField)) || undefined;
}

function textIn(request: Message, { localName }: RequestField): string {
  return String((request as unknown as Record<string, unknown>)[localName]);
}

/** The part of `authorize` that needs no request, so that none is read for who may not call at all. */
export function authorizeRole(rule: Access, caller: Caller): void {
  if (rule.anyone) return;
  if (!isSignedIn(caller)) throw new Unauthenticated();
  if (!rule.roles.has(caller.role)) throw new Forbidden();
}

function authorizeMember(field: string, member: string, caller: Caller): void {
  if (member === "me" || member === String(caller.userId)) return;
  if (!userId.test(member)) {
    throw new InvalidFields([{ field, description: `The ${field.replaceAll("_", " ")} must be a user id or "me".` }]);
  }
  if (!isAdmin(caller)) throw new NotFound("Member");
}

/** The user id that a member's path segment stands for; `me` is the caller. Throws Unauthenticated for nobody's `me`. */
export function memberId(member: string, caller: Caller): bigint {
  if (member !== "me") return BigInt(member);
  if (!isSignedIn(caller)) throw new Unauthenticated();
  return caller.userId;
}

/** Whether somebody is signed in. */
export function isSignedIn(caller: Caller): boolean {
  return caller.userId !== 0n && caller.role !== Role.UNSPECIFIED;
}

/** Whether the caller may see to other people's things. */
export function isAdmin(caller: Caller): boolean {
  return caller.role === Role.ADMIN || caller.role === Role.SUPER_ADMIN;
}
