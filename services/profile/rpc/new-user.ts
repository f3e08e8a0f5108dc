import type { CountryCode } from "libphonenumber-js";
import type { RegisterRequest } from "../../../gen/giftmesh/profile/v1/auth_service_pb.ts";
import { readPhoneNumber } from "../../platform/phone-number.ts";
import { type FieldViolation, InvalidFields } from "../../platform/refusal.ts";
import { canonicalUsername, type Role, type UserDetails, vendorViolations } from "../domain/user.ts";

/** Reads who is to be made, and says what no rule of the proto can. Throws InvalidFields. */
export function readNewUser(
  request: Pick<RegisterRequest, "username" | "name" | "email" | "phoneNumber">,
  region: CountryCode,
  role: Role,
  vendorId?: bigint,
): UserDetails {
  const { username, name, email } = request;
  const phoneNumber = request.phoneNumber === undefined ? undefined : readPhoneNumber(request.phoneNumber, region);
  const violations: FieldViolation[] = vendorViolations(role, vendorId);
  if (request.phoneNumber !== undefined && phoneNumber === undefined) {
    violations.push({ field: "phone_number", description: "The phone number must be a valid phone number." });
  }
  if (violations.length > 0) throw new InvalidFields(violations);
  return { username: canonicalUsername(username), name, email, phoneNumber, role, vendorId };
}
