const maxMessageBytes = 8 * 1024 * 1024;

/** What both ends of a connection hold to. */
export const channelOptions = {
  "grpc.max_receive_message_length": maxMessageBytes,
  "grpc.max_send_message_length": maxMessageBytes,
  // A peer that does not answer a ping is gone, and its connection with it.
  "grpc.keepalive_time_ms": 30_000,
  "grpc.keepalive_timeout_ms": 10_000,
  "grpc.enable_channelz": 0,
} as const;
