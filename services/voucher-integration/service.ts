import { type CodeRequested, CodeRequestedSchema } from "../../gen/giftmesh/voucher/v1/voucher_events_pb.ts";
import { openSealingKeys } from "../platform/codes/open-code-keys.ts";
import { consume } from "../platform/events/consumer.ts";
import { countLane } from "../platform/lane-metrics.ts";
import type { Platform, ServiceDefinition } from "../platform/service.ts";
import { type Instant, now, toInstant } from "../platform/time.ts";
import { Asking, mostAtOnce } from "./asking.ts";
import { callbackPath, createCallbackServer } from "./callbacks/callback-server.ts";
import { Callbacks } from "./callbacks/callbacks.ts";
import { newRequest } from "./domain/code-request.ts";
import { GivingUp } from "./giving-up.ts";
import { countProvider } from "./metrics.ts";
import { Circuit } from "./provider/circuit.ts";
import { ProviderClient } from "./provider/provider-client.ts";
import { RequestLane } from "./request-lane.ts";
import { migrations } from "./store/migrations.ts";
import { insertRequests, Requests } from "./store/requests.ts";

/** How long the provider may take beyond its own time to acknowledge, in milliseconds. */
const beyondAckMs = 1_500;

/** How long a request is known after it was settled, in microseconds: for so long its callback may be repeated. */
const keptFor = 7n * 24n * 3_600n * 1_000_000n;

/** The only one that knows the voucher provider: asks it for codes, takes its callbacks, and tells what came of it. */
export const voucherIntegration: ServiceDefinition = {
  name: "voucher-integration",
  migrations,
  async create(platform) {
    const { config, database, outbox, log, metrics, listening } = platform;
    const { lateAfterMs, giveUpAfterMs } = config.voucher;
    const { ackAfterMs, callbackPort, callbackUrl } = config.voucherProvider;
    const keys = openSealingKeys("voucher", config);
    const requests = new Requests(database);
    const lane = new RequestLane(database, outbox, countLane(metrics, "voucher_requests"));
    const circuit = new Circuit(log);
    const { onAnswer, onCallback } = countProvider(metrics, { requests, circuit });
    const patienceMs = ackAfterMs + beyondAckMs;
    const url = () => providerUrl(platform);
    const provider = new ProviderClient({ url, patienceMs, connections: mostAtOnce });
    const asking = new Asking({
      requests,
      lane,
      provider,
      circuit,
      keys,
      callbackUrl: () => callbackUrl ?? `http://localhost:${listening("VOUCHER_CALLBACK_PORT")?.port}${callbackPath}`,
      patienceMs,
      lateAfterMs,
      onAnswer,
      log,
    });
    const callbacks = new Callbacks({ requests, lane, keys, lateAfterMs });
    const server = createCallbackServer({ take: (content) => callbacks.take(content), onCallback, log });
    return {
      serves: [],
      listens: [{ setting: "VOUCHER_CALLBACK_PORT", port: callbackPort, title: "voucher callbacks", server }],
      consumes: [
        consume({
          name: "voucher-integration-request",
          subject: "giftmesh.voucher.request-code",
          message: CodeRequestedSchema,
          async handleTogether(events) {
            const present = now();
            const added = events.map((event) => newRequest(askedIn(event, present), giveUpAfterMs, present));
            return [insertRequests(database.dialect, added)];
          },
          committed: () => asking.wake(),
        }),
      ],
      workers: [
        asking.worker,
        new GivingUp(requests, lane).worker,
        {
          name: "purge-requests",
          everyMs: 600_000,
          alone: true,
          run: (stopping) => requests.purge(now() - keptFor, stopping),
        },
      ],
      stop: () => provider.close(),
    };
  },
};

function askedIn({ requestId: id, phoneNumber, requestedAt }: CodeRequested, now: Instant) {
  return { id, phoneNumber, requestedAt: requestedAt ? toInstant(requestedAt) : now };
}

/** Where the provider is: as it is set, or its stand-in, in this process or beside it. */
function providerUrl({ config: { host, voucherProvider }, listening }: Pick<Platform, "config" | "listening">): URL {
  const { url, port } = voucherProvider;
  if (url !== undefined) return new URL(url);
  return listening("VOUCHER_PROVIDER_PORT") ?? new URL(`http://${host.includes(":") ? `[${host}]` : host}:${port}`);
}
