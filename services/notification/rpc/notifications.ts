import { NotificationService } from "../../../gen/giftmesh/notification/v1/notification_service_pb.ts";
import type { IdSequence } from "../../platform/ids.ts";
import { Lane } from "../../platform/lane.ts";
import { inBatches } from "../../platform/rpc/batch-twin.ts";
import { type Handlers, type Served, serve } from "../../platform/rpc/handler.ts";
import { now } from "../../platform/time.ts";
import type { Channel } from "../domain/message.ts";
import type { Messages, NewStatus, RequestedMessage } from "../store/messages.ts";
import { channelOf } from "./channel.ts";

export interface NotificationParts {
  readonly messages: Messages;
  readonly ids: IdSequence;
  /** What becomes of a new message. */
  readonly statusOf: (channel: Channel) => NewStatus;
}

/** Messages that other services ask for by RPC; those that come together are written together. */
export function serveNotifications({ messages, ids, statusOf }: NotificationParts): Served {
  const lane = new Lane<RequestedMessage, undefined>(async (requested) => {
    await messages.addRequested(requested);
    return requested.map(() => ({ answer: undefined }));
  });

  const sendNotification: Handlers<typeof NotificationService>["sendNotification"] = async (
    { id: requestId, channel: protoChannel, to, subject, body },
    call,
  ) => {
    const channel = channelOf(protoChannel);
    const message = { id: await ids.take(), channel, to, subject, body, createdAt: now() };
    await lane.submit({ requestId, message, status: statusOf(channel) }, call.deadline);
    return {};
  };

  return serve(NotificationService, { sendNotification, batchSendNotification: inBatches(sendNotification) });
}
