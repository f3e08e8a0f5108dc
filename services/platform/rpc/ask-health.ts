import type { Client } from "@grpc/grpc-js";
import { service as health } from "grpc-health-check";

/**
 * Asks a gRPC server how it is (grpc.health.v1): `SERVING`, `NOT_SERVING`. The service is one of its own by full name,
 * or empty for the whole. Rejects where there is no answer in time, or no such service.
 */
export function askHealth(client: Client, service: string, timeoutMs: number): Promise<string> {
  const { path, requestSerialize, responseDeserialize } = health.Check as NonNullable<typeof health.Check>;
  const deadline = Date.now() + timeoutMs;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { service }, { deadline }, (error, answer) => {
      if (error) reject(error);
      else resolve((answer as { readonly status: string }).status);
    });
  });
}
