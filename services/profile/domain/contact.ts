import type { User } from "./user.ts";

/** How a person is reached. */
export type Channel = "email" | "phone";

/** An email address or a phone number of a person's. */
export interface Contact {
  readonly channel: Channel;
  readonly address: string;
  /** Whether the person has shown to read it. */
  readonly verified: boolean;
}

/** A person's contact on a channel; undefined where there is none. */
export function contactOf(user: User, channel: Channel): Contact | undefined {
  switch (channel) {
    case "email":
      return user.email === undefined ? undefined : { channel, address: user.email, verified: user.emailVerified };
    case "phone":
      return user.phoneNumber === undefined
        ? undefined
        : { channel, address: user.phoneNumber, verified: user.phoneVerified };
    default:
      throw channel satisfies never;
  }
}

/** An email address by which no two people can have verified the same one: no mailbox is known to differ by case. */
export function canonicalEmail(email: string): string {
  return email.toLowerCase();
}
