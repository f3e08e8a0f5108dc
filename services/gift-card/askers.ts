import type { ContactService } from "../../gen/giftmesh/profile/v1/contact_service_pb.ts";
import type { Call } from "../platform/rpc/call.ts";
import type { Client } from "../platform/rpc/handler.ts";
import type { CodeKeys } from "./code-keys.ts";
import type { Asker } from "./domain/access.ts";

/** Who asks, and what to call them. */
export interface NamedAsker extends Asker {
  readonly name: string;
}

/** Finds out who asks: what they have verified is known to profile, and what their code may be kept under to the keys. */
export class Askers {
  private readonly contacts: Client<typeof ContactService>;
  private readonly keys: Pick<CodeKeys, "searchKeys">;

  constructor(contacts: Client<typeof ContactService>, keys: Pick<CodeKeys, "searchKeys">) {
    this.contacts = contacts;
    this.keys = keys;
  }

  /** Who makes a call, with the code that they gave, if any. */
  async of(call: Call, code?: string): Promise<NamedAsker> {
    return { ...(await this.find(call.caller.userId, call)), searchKeys: code ? this.keys.searchKeys(code) : [] };
  }

  /** Who a user is. Throws NotFound where there is none. */
  async find(userId: bigint, call: Call): Promise<NamedAsker> {
    const { contacts } = await this.contacts.getContacts({ userId }, call);
    const { name = "", email, phoneNumber } = contacts ?? {};
    return {
      userId,
      name,
      emails: email === undefined ? [] : [email],
      numbers: phoneNumber === undefined ? [] : [phoneNumber],
      searchKeys: [],
    };
  }
}
