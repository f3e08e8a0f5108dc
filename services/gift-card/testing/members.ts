import { randomBytes } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { decodeJwt } from "jose";
import { CallerSchema, Role } from "../../../gen/giftmesh/common/v1/access_pb.ts";
import { MailboxService } from "../../../gen/giftmesh/notification/v1/mailbox_service_pb.ts";
import type { Message } from "../../../gen/giftmesh/notification/v1/notification_pb.ts";
import { AuthService, ContactChannel } from "../../../gen/giftmesh/profile/v1/auth_service_pb.ts";
import { eventually } from "../../platform/testing/eventually.ts";
import { callOf, type RunningCards } from "./running-cards.ts";

const password = "correct horse";

/** Everything that somebody was told, the newest first. */
export async function messagesTo({ clients }: RunningCards, to: string): Promise<Message[]> {
  return (await clients.of(MailboxService).listMessages({ to, perPage: 100 }, callOf())).messages;
}

/** What somebody was told, as soon as it is so much. */
export async function toldTo(running: RunningCards, to: string, count: number): Promise<Message[]> {
  await eventually(async () => (await messagesTo(running, to)).length >= count);
  return messagesTo(running, to);
}

/** Signs somebody up who has shown to read an address, or a number; answers their id. */
export async function newVerifiedUser(
  running: RunningCards,
  contact: { readonly email: string } | { readonly phoneNumber: string },
): Promise<bigint> {
  const auth = running.clients.of(AuthService);
  const username = `user-${randomBytes(6).toString("hex")}`;
  await auth.register({ username, password, ...contact }, callOf());
  const { token, user } = await auth.login({ username, password }, callOf());
  const sessionId = BigInt(String(decodeJwt(token).sid));
  const userId = user?.id ?? 0n;
  const call = () => callOf({ caller: create(CallerSchema, { userId, role: Role.USER, sessionId }) });
  const [channel, to] =
    "email" in contact ? [ContactChannel.EMAIL, contact.email] : [ContactChannel.PHONE, contact.phoneNumber];
  await auth.requestVerification({ channel }, call());
  const [message] = await toldTo(running, to, 1);
  const code = /\b[0-9]{6}\b/.exec(message?.body ?? "")?.[0] ?? "";
  await auth.confirmVerification({ channel, code }, call());
  return userId;
}
