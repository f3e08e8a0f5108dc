import {
  CodeFailure,
  type CodeReceived,
  CodeReceivedSchema,
  CodeRequestedSchema,
  VoucherChannel,
} from "../../../gen/giftmesh/voucher/v1/voucher_events_pb.ts";
import { parseCodeKeys } from "../../platform/codes/code-key-list.ts";
import { CodeKeys } from "../../platform/codes/code-keys.ts";
import type { Config } from "../../platform/config.ts";
import { createTable } from "../../platform/database/migrate.ts";
import { consume } from "../../platform/events/consumer.ts";
import type { EventTransport } from "../../platform/events/transport.ts";
import { HostedService } from "../../platform/hosted-service.ts";
import type { Clients } from "../../platform/rpc/handler.ts";
import type { Platform, ServiceDefinition } from "../../platform/service.ts";
import { eventually } from "../../platform/testing/eventually.ts";
import { type Instant, now, toTimestamp } from "../../platform/time.ts";
import { silent } from "./log.ts";

/** What codes are sealed with in these tests. */
export const voucherKeys = `test:${Buffer.alloc(32, 7).toString("base64")}`;

const keys = new CodeKeys("voucher", parseCodeKeys(voucherKeys) ?? [{ id: "none", secret: Buffer.alloc(32) }]);

/** What was heard of a request: a code and how it leaves, or why there is none. */
export interface Heard {
  readonly requestId: number;
  readonly code?: string;
  readonly channel?: "web" | "sms";
  readonly failure?: "refused" | "timed_out";
}

export interface Wish {
  readonly requestId: number;
  readonly phoneNumber?: string;
  readonly requestedAt?: Instant;
}

export const usualPhoneNumber = "+84909123456";

/** Stands where the voucher service does: wants codes, and hears what came of it. */
export class Asker {
  private readonly platform: Platform;
  private readonly service: HostedService;

  static async start(config: Config, clients: Clients, transport: EventTransport): Promise<Asker> {
    const platform = Promise.withResolvers<Platform>();
    const definition: ServiceDefinition = {
      name: "asker",
      migrations: [heardMigration],
      create: async (given) => {
        platform.resolve(given);
        return { serves: [], consumes: [hearing] };
      },
    };
    const service = await HostedService.open(definition, { config, clients, transport, log: silent });
    service.consume();
    return new Asker(await platform.promise, service);
  }

  private constructor(platform: Platform, service: HostedService) {
    this.platform = platform;
    this.service = service;
  }

  /** Once everybody else consumes. */
  begin(): void {
    this.service.start();
  }

  /** Wants codes. */
  async want(...wishes: readonly Wish[]): Promise<void> {
    const { database, outbox } = this.platform;
    await database.transaction(async (tx) => {
      for (const { requestId, phoneNumber = usualPhoneNumber, requestedAt = now() } of wishes) {
        const event = { requestId: BigInt(requestId), phoneNumber, requestedAt: toTimestamp(requestedAt) };
        await outbox.add(tx, "giftmesh.voucher.request-code", CodeRequestedSchema, event);
      }
    });
  }

  /** Has all wishes sent once more. */
  async sendAgain(): Promise<void> {
    const { database } = this.platform;
    await database.transaction((tx) => tx.run([{ sql: "UPDATE outbox SET sent_at = 0", values: [] }]));
    await eventually(async () => {
      const rows = await database.select({ sql: "SELECT id FROM outbox WHERE sent_at = 0", values: [] });
      return rows.length === 0;
    });
  }

  /** All that was heard so far, in the order that it was heard in; what is heard twice is there twice. */
  async heard(): Promise<Heard[]> {
    const sql = "SELECT event FROM heard ORDER BY place";
    const rows = await this.platform.database.select({ sql, values: [] });
    return rows.map((row) => JSON.parse(row.event as string));
  }

  /** Waits until something is heard of so many requests. */
  async hears(count: number): Promise<Heard[]> {
    await eventually(async () => (await this.heard()).length >= count);
    return this.heard();
  }

  async stop(): Promise<void> {
    await this.service.stop();
    await this.service.close();
  }
}

const heardMigration = {
  name: "001-heard",
  up: (knex: Parameters<typeof createTable>[0]) =>
    createTable(knex, "heard", (table) => {
      // Nothing here is unique but the place.
      table.bigIncrements("place");
      table.text("event").notNullable();
    }),
};

const hearing = consume({
  name: "asker-hears",
  subject: "giftmesh.voucher.receive-code",
  message: CodeReceivedSchema,
  async handle(event) {
    return [{ sql: "INSERT INTO heard (event) VALUES (?)", values: [JSON.stringify(heardIn(event))] }];
  },
});

function heardIn({ requestId, outcome }: CodeReceived): Heard {
  const id = Number(requestId);
  switch (outcome.case) {
    case "code": {
      const { sealed, sealKeyId, channel } = outcome.value;
      const code = keys.open(`voucher-${requestId}`, { sealed, sealKeyId });
      return { requestId: id, code, channel: channel === VoucherChannel.WEB ? "web" : "sms" };
    }
    case "failure":
      return { requestId: id, failure: outcome.value === CodeFailure.REFUSED ? "refused" : "timed_out" };
    default:
      throw new Error("An event without an outcome");
  }
}
