/** Microseconds since 1970. */
type Instant = bigint;

/** How a message reaches a person. */
export type Channel = "email" | "sms";

/** What a person is to be told. */
export interface Message {
  readonly id: bigint;
  readonly channel: Channel;
  /** An email address, or a phone number in E.164. */
  readonly to: string;
  /** Empty for SMS. */
  readonly subject: string;
  /** Plain text. */
  readonly body: string;
  readonly createdAt: Instant;
}
