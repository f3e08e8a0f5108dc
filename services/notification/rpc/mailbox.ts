import { MailboxService } from "../../../gen/giftmesh/notification/v1/mailbox_service_pb.ts";
import { pageOf, readPaging } from "../../platform/paging.ts";
import { type Served, serve } from "../../platform/rpc/handler.ts";
import { toTimestamp } from "../../platform/time.ts";
import type { Message } from "../domain/message.ts";
import { keyOf, type Messages } from "../store/messages.ts";
import { protoChannelOf } from "./channel.ts";

/** The development mailbox. */
export function serveMailbox(messages: Messages): Served {
  return serve(MailboxService, {
    async listMessages(request) {
      const paging = readPaging(request, 2);
      const { rows, pageInfo } = pageOf(paging, {
        rows: await messages.list(request.to, paging),
        keyOf,
        total: paging.kind === "page" ? await messages.count(request.to) : undefined,
      });
      return { messages: rows.map(messageShape), pageInfo };
    },
  });
}

function messageShape({ id, channel, to, subject, body, createdAt }: Message) {
  return { id, channel: protoChannelOf(channel), to, subject, body, createdAt: toTimestamp(createdAt) };
}
