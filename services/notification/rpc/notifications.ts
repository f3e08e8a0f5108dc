import { NotificationService } from "../../../gen/giftmesh/notification/v1/notification_service_pb.ts";
import type { Database } from "../../platform/database/database.ts";
import type { IdSequence } from "../../platform/ids.ts";
import { type Served, serve } from "../../platform/rpc/handler.ts";
import { now } from "../../platform/time.ts";
import type { Channel } from "../domain/message.ts";
import type { Messages } from "../store/messages.ts";
import { channelOf } from "./channel.ts";

export interface NotificationParts {
  readonly database: Database;
  readonly messages: Messages;
  readonly ids: IdSequence;
  /** What becomes of a new message: whether there is a server for its channel. */
  readonly statusOf: (channel: Channel) => "pending" | "kept";
}

/** Messages that other services ask for by RPC. */
export function serveNotifications({ database, messages, ids, statusOf }: NotificationParts): Served {
  return serve(NotificationService, {
    async sendNotification({ id, channel: protoChannel, to, subject, body }) {
      const channel = channelOf(protoChannel);
      const message = { id: await ids.take(), channel, to, subject, body, createdAt: now() };
      await database.transaction(async (tx) => {
        if (await messages.isFirst(tx, id)) await messages.add(tx, message, statusOf(channel));
      });
      return {};
    },
  });
}
