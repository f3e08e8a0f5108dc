import type { FieldViolation } from "../../platform/refusal.ts";

/** What a person may do; each is also what tokens and the database call it. */
export type Role = "user" | "vendor" | "admin" | "super_admin";

/** A person as they were made. */
export interface UserDetails {
  /** In lower case. */
  readonly username: string;
  readonly name: string | undefined;
  readonly email: string | undefined;
  /** E.164. */
  readonly phoneNumber: string | undefined;
  readonly role: Role;
  /** Set where the role is `vendor`. */
  readonly vendorId: bigint | undefined;
}

/** A person who can sign in. */
export interface User extends UserDetails {
  readonly id: bigint;
  readonly emailVerified: boolean;
  readonly phoneVerified: boolean;
}

/** User names are unique whatever their case. */
export function canonicalUsername(username: string): string {
  return username.toLowerCase();
}

/** Whether somebody may make a user of a role: only a super admin makes those who run the house. */
export function mayMake(maker: Role, made: Role): boolean {
  switch (made) {
    case "user":
    case "vendor":
      return maker === "admin" || maker === "super_admin";
    case "admin":
    case "super_admin":
      return maker === "super_admin";
    default:
      throw made satisfies never;
  }
}

/** What is wrong with a new user's vendor: those who work for one have one, and nobody else. */
export function vendorViolations(role: Role, vendorId: bigint | undefined): FieldViolation[] {
  if ((role === "vendor") === (vendorId !== undefined)) return [];
  const description =
    role === "vendor" ? "The vendor id field is required." : "The vendor id is for the role vendor only.";
  return [{ field: "vendor_id", description }];
}
