import { NotificationRequestedSchema } from "../../gen/giftmesh/notification/v1/notification_pb.ts";
import type { Config } from "../platform/config.ts";
import { consume } from "../platform/events/consumer.ts";
import type { ServiceDefinition } from "../platform/service.ts";
import { now } from "../platform/time.ts";
import { Delivery, type Senders } from "./delivery.ts";
import { createEmailSender } from "./email.ts";
import { channelOf } from "./rpc/channel.ts";
import { serveMailbox } from "./rpc/mailbox.ts";
import { createSmsSender } from "./sms.ts";
import { Messages } from "./store/messages.ts";
import { migrations } from "./store/migrations.ts";

const keptFor = 30n * 24n * 3_600n * 1_000_000n;

/** Tells people things, by email and SMS, when other services ask for it. */
export const notification: ServiceDefinition = {
  name: "notification",
  migrations,
  async create({ config, database, ids, log }) {
    const messages = new Messages(database, { blanksBodies: config.production });
    const messageIds = ids("messages");
    const senders = createSenders(config);
    const delivery = new Delivery(messages, senders, log);
    return {
      serves: [serveMailbox(messages)],
      consumes: [
        consume({
          name: "notification-message",
          subject: "giftmesh.notification.requested",
          message: NotificationRequestedSchema,
          prepare: () => messageIds.take(),
          async handle({ channel: protoChannel, to, subject, body }, tx, _call, id) {
            const channel = channelOf(protoChannel);
            const message = { id, channel, to, subject, body, createdAt: now() };
            await messages.add(tx, message, senders[channel] ? "pending" : "kept");
          },
        }),
      ],
      workers: [
        { name: "deliver-messages", everyMs: 500, alone: false, run: (stopping) => delivery.run(stopping) },
        { name: "purge-messages", everyMs: 600_000, alone: true, run: () => messages.purge(now() - keptFor) },
      ],
      stop: async () => {
        for (const sender of Object.values(senders)) sender.close();
      },
    };
  },
};

function createSenders({ smtpUrl, mailFrom, smsUrl }: Config): Senders {
  return {
    ...(smtpUrl && { email: createEmailSender(smtpUrl, mailFrom) }),
    ...(smsUrl && { sms: createSmsSender(smsUrl) }),
  };
}
