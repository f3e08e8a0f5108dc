import { NotificationRequestedSchema } from "../../gen/giftmesh/notification/v1/notification_pb.ts";
import type { Config } from "../platform/config.ts";
import { consume } from "../platform/events/consumer.ts";
import type { ServiceDefinition } from "../platform/service.ts";
import { now } from "../platform/time.ts";
import { Delivery, type Sender } from "./delivery.ts";
import type { Channel } from "./domain/message.ts";
import { channelOf } from "./rpc/channel.ts";
import { serveMailbox } from "./rpc/mailbox.ts";
import { serveNotifications } from "./rpc/notifications.ts";
import { createSmsSender } from "./sms.ts";
import { Messages } from "./store/messages.ts";
import { migrations } from "./store/migrations.ts";

const keptFor = 30n * 24n * 3_600n * 1_000_000n;

/**
 * Tells people things, by email and SMS, when other services ask for it: by event or, where a code in it is worth money, by
 * RPC.
 */
export const notification: ServiceDefinition = {
  name: "notification",
  migrations,
  async create({ config, database, ids, log }) {
    const messages = new Messages(database, { blanksBodies: config.production });
    const messageIds = ids("messages");
    const senders = await createSenders(config);
    const statusOf = (channel: Channel) => (senders.has(channel) ? "pending" : "kept");
    return {
      serves: [serveMailbox(messages), serveNotifications({ messages, ids: messageIds, statusOf })],
      consumes: [
        consume({
          name: "notification-message",
          subject: "giftmesh.notification.requested",
          message: NotificationRequestedSchema,
          async handle({ channel: protoChannel, to, subject, body }) {
            const channel = channelOf(protoChannel);
            const message = { id: await messageIds.take(), channel, to, subject, body, createdAt: now() };
            return [messages.adding(message, statusOf(channel))];
          },
        }),
      ],
      workers: [
        ...[...senders].map(([channel, sender]) => {
          const delivery = new Delivery(messages, channel, sender, log);
          const run = (stopping: AbortSignal) => delivery.run(stopping);
          return { name: `deliver-${channel}`, everyMs: 500, alone: false, run };
        }),
        { name: "purge-messages", everyMs: 600_000, alone: true, run: () => messages.purge(now() - keptFor) },
      ],
      stop: async () => {
        for (const sender of senders.values()) sender.close();
      },
    };
  },
};

/** Where messages leave, by channel; those of a channel that is not there are kept. */
async function createSenders({ smtpUrl, mailFrom, smsUrl }: Config): Promise<ReadonlyMap<Channel, Sender>> {
  const senders = new Map<Channel, Sender>();
  if (smtpUrl) {
    // What it stands on takes long to load, and a mesh without email can do without.
    const { createEmailSender } = await import("./email.ts");
    senders.set("email", createEmailSender(smtpUrl, mailFrom));
  }
  if (smsUrl) senders.set("sms", createSmsSender(smsUrl));
  return senders;
}
