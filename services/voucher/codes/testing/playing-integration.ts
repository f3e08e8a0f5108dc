import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  CodeFailure,
  type CodeReceived,
  CodeReceivedSchema,
  type CodeRequested,
  CodeRequestedSchema,
  type SealedVoucherCode,
  type SealedVoucherCodeSchema,
  VoucherChannel,
} from "../../../../gen/giftmesh/voucher/v1/voucher_events_pb.ts";
import { aboutVoucher } from "../../../platform/codes/about-voucher.ts";
import type { CodeKeys } from "../../../platform/codes/code-keys.ts";
import { openSealingKeys } from "../../../platform/codes/open-code-keys.ts";
import type { Database } from "../../../platform/database/database.ts";
import { consume } from "../../../platform/events/consumer.ts";
import type { Outbox } from "../../../platform/events/outbox.ts";
import type { ServiceDefinition } from "../../../platform/service.ts";
import { type Instant, now, toTimestamp } from "../../../platform/time.ts";

const subject = "giftmesh.voucher.receive-code";

/** An event as it is made. */
type EventInit = Exclude<MessageInitShape<typeof CodeReceivedSchema>, CodeReceived>;

type EventCode = Exclude<MessageInitShape<typeof SealedVoucherCodeSchema>, SealedVoucherCode>;

/** A code that the provider has made, and what for. */
export interface MadeCode {
  readonly requestId: bigint;
  readonly code: string;
  readonly channel?: VoucherChannel;
  readonly receivedAt?: Instant;
}

/** Stands where voucher-integration does: hears of requests, and tells what becomes of them. */
export class PlayedIntegration {
  /** What it was asked for. */
  readonly requested: CodeRequested[] = [];
  private platform:
    | { readonly database: Database; readonly outbox: Outbox; readonly keys: Pick<CodeKeys, "seal"> }
    | undefined;

  readonly definition: ServiceDefinition = {
    name: "voucher-integration",
    migrations: [],
    create: async ({ config, database, outbox }) => {
      this.platform = { database, outbox, keys: openSealingKeys("voucher", config) };
      return {
        serves: [],
        consumes: [
          consume({
            name: "voucher-integration-request",
            subject: "giftmesh.voucher.request-code",
            message: CodeRequestedSchema,
            handle: async (event) => {
              this.requested.push(event);
              return [];
            },
          }),
        ],
      };
    },
  };

  /** Tells of codes, all at once. */
  async deliver(...made: readonly MadeCode[]): Promise<void> {
    await this.tell(made.map((one) => this.eventOf(one)));
  }

  /** Tells that there will be no code. */
  async refuse(requestId: bigint, failure: CodeFailure = CodeFailure.REFUSED): Promise<void> {
    await this.tell([{ requestId, receivedAt: toTimestamp(now()), outcome: { case: "failure", value: failure } }]);
  }

  /** Tells of anything. */
  async tell(events: readonly EventInit[]): Promise<void> {
    const { database, outbox } = this.running;
    await database.transaction(async (tx) => {
      for (const event of events) await outbox.add(tx, subject, CodeReceivedSchema, event);
    });
  }

  /** A code as it is in an event of a request. */
  sealedFor(requestId: bigint, code: string, channel: VoucherChannel = VoucherChannel.WEB): EventCode {
    const { sealed, sealKeyId } = this.running.keys.seal(aboutVoucher(requestId), code);
    return { sealed, sealKeyId, channel };
  }

  private eventOf({ requestId, code, channel, receivedAt = now() }: MadeCode): EventInit {
    const value = this.sealedFor(requestId, code, channel);
    return { requestId, receivedAt: toTimestamp(receivedAt), outcome: { case: "code", value } };
  }

  private get running() {
    if (!this.platform) throw new Error("voucher-integration is not running");
    return this.platform;
  }
}
