import type { ContactService } from "../../gen/giftmesh/profile/v1/contact_service_pb.ts";
import { RecentlyUsed } from "../platform/recently-used.ts";
import type { Call } from "../platform/rpc/call.ts";
import type { Client } from "../platform/rpc/handler.ts";
import type { CardCodes } from "./card-codes.ts";
import type { Asker } from "./domain/access.ts";

/** Who asks, and what to call them. */
export interface NamedAsker extends Asker {
  readonly name: string;
}

/** How many are remembered, and for how long, in milliseconds. */
const mostRemembered = 20_000;
const rememberedForMs = 10_000;

/** Finds out who asks: what they have verified is known to profile, and what their code may be kept under to the keys. */
export class Askers {
  private readonly contacts: Client<typeof ContactService>;
  private readonly codes: Pick<CardCodes, "searchKeys">;
  private readonly remembered = new RecentlyUsed<bigint, { readonly asker: NamedAsker; readonly since: number }>(
    mostRemembered,
  );

  constructor(contacts: Client<typeof ContactService>, codes: Pick<CardCodes, "searchKeys">) {
    this.contacts = contacts;
    this.codes = codes;
  }

  /** Who makes a call, with the code that they gave, if any. */
  async of(call: Call, code?: string): Promise<NamedAsker> {
    return { ...(await this.find(call.caller.userId, call)), searchKeys: this.searchKeysOf(code) };
  }

  /**
   * Who makes a call, as far as is known without asking: with the contacts that this process remembers, which lasts for
   * some seconds, or with none.
   */
  asKnown({ caller: { userId } }: Call): Asker {
    const known = this.remembered.get(userId);
    if (known && performance.now() - known.since < rememberedForMs) return known.asker;
    return { userId, emails: [], numbers: [], searchKeys: [] };
  }

  /** The same for a call with a code. */
  withCode(call: Call, code: string): Asker {
    return { ...this.asKnown(call), searchKeys: this.searchKeysOf(code) };
  }

  /** Who a user is. Throws NotFound where there is none. */
  async find(userId: bigint, call: Call): Promise<NamedAsker> {
    const { contacts } = await this.contacts.getContacts({ userId }, call);
    const { name = "", email, phoneNumber } = contacts ?? {};
    const asker = {
      userId,
      name,
      emails: email === undefined ? [] : [email],
      numbers: phoneNumber === undefined ? [] : [phoneNumber],
      searchKeys: [],
    };
    this.remembered.set(userId, { asker, since: performance.now() });
    return asker;
  }

  private searchKeysOf(code: string | undefined): readonly Uint8Array[] {
    return code === undefined ? [] : this.codes.searchKeys(code);
  }
}
