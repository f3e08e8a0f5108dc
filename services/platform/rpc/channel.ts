import { isIP } from "node:net";
import { checkServerIdentity } from "node:tls";
import { Client, credentials } from "@grpc/grpc-js";
import type { GrpcTls } from "../config.ts";

/** The largest message, in bytes. */
export const maxMessageBytes = 8 * 1024 * 1024;

/** What both ends of a connection hold to. */
export const channelOptions = {
  "grpc.max_receive_message_length": maxMessageBytes,
  "grpc.max_send_message_length": maxMessageBytes,
  // A peer that does not answer a ping is gone, and its connection with it.
  "grpc.keepalive_time_ms": 30_000,
  "grpc.keepalive_timeout_ms": 10_000,
} as const;

const clientOptions = {
  ...channelOptions,
  "grpc.service_config": JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
  "grpc.service_config_disable_resolution": 1,
  // A service that comes back, maybe at another address, is found again before its callers give up.
  "grpc.initial_reconnect_backoff_ms": 50,
  "grpc.max_reconnect_backoff_ms": 2_000,
  "grpc.dns_min_time_between_resolutions_ms": 1_000,
  // The mesh is not beyond a proxy, whatever HTTP_PROXY says.
  "grpc.enable_http_proxy": 0,
  // Statistics that nobody reads. A server needs them: without, forceShutdown of grpc-js 1.14 leaves connections open.
  "grpc.enable_channelz": 0,
} as const;

/**
 * A channel to `host:port`; where the name has several addresses, they take turns. With TLS it shows the mesh's
 * certificate and takes only servers that show one. Connects when first used.
 */
export function openChannel(address: string, tls: GrpcTls | undefined): Client {
  const target = `dns:///${address}`;
  if (!tls) return new Client(target, credentials.createInsecure(), clientOptions);
  const { authority, key, certificate } = tls;
  const host = address.slice(0, address.lastIndexOf(":"));
  if (!isIP(host)) return new Client(target, credentials.createSsl(authority, key, certificate), clientOptions);
  // An IP address cannot be asked for by name (RFC 6066, 3), but the certificate is held against it all the same.
  const verification = {
    checkServerIdentity: (_: string, shown: Parameters<typeof checkServerIdentity>[1]) =>
      checkServerIdentity(host, shown),
  };
  return new Client(target, credentials.createSsl(authority, key, certificate, verification), {
    ...clientOptions,
    "grpc.ssl_target_name_override": "localhost",
  });
}
