import { Channel as ProtoChannel } from "../../../gen/giftmesh/notification/v1/notification_pb.ts";
import type { Channel } from "../domain/message.ts";

const protoChannels: Readonly<Record<Channel, ProtoChannel>> = { email: ProtoChannel.EMAIL, sms: ProtoChannel.SMS };

export function protoChannelOf(channel: Channel): ProtoChannel {
  return protoChannels[channel];
}

/** Throws a RangeError for a channel that is not known here: the event is to wait for a version that knows it. */
export function channelOf(protoChannel: ProtoChannel): Channel {
  switch (protoChannel) {
    case ProtoChannel.EMAIL:
      return "email";
    case ProtoChannel.SMS:
      return "sms";
    default:
      throw new RangeError(`There is no channel ${protoChannel}`);
  }
}
