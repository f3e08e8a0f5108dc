import type { MessageInitShape } from "@bufbuild/protobuf";
import { ContactService, type ContactsSchema } from "../../../gen/giftmesh/profile/v1/contact_service_pb.ts";
import { NotFound } from "../../platform/refusal.ts";
import { inBatches } from "../../platform/rpc/batch-twin.ts";
import { type Handlers, type Served, serve } from "../../platform/rpc/handler.ts";
import { canonicalEmail } from "../domain/contact.ts";
import type { User } from "../domain/user.ts";
import type { Users } from "../store/users.ts";

/** Who people are and how they are reached, for other services. */
export function serveContacts(users: Users): Served {
  const getContacts: Handlers<typeof ContactService>["getContacts"] = async ({ userId }) => {
    const user = await users.findById(userId);
    if (!user) throw new NotFound("User");
    return { contacts: contactsShape(user) };
  };

  return serve(ContactService, { getContacts, batchGetContacts: inBatches(getContacts) });
}

function contactsShape(user: User): MessageInitShape<typeof ContactsSchema> {
  const { id, username, name, email, emailVerified, phoneNumber, phoneVerified } = user;
  return {
    userId: id,
    name: name ?? username,
    ...(email !== undefined && emailVerified && { email: canonicalEmail(email) }),
    ...(phoneNumber !== undefined && phoneVerified && { phoneNumber }),
  };
}
