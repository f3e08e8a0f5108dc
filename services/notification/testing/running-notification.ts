import type { MessageInitShape } from "@bufbuild/protobuf";
import { pino } from "pino";
import { MailboxService } from "../../../gen/giftmesh/notification/v1/mailbox_service_pb.ts";
import { NotificationRequestedSchema } from "../../../gen/giftmesh/notification/v1/notification_pb.ts";
import { NotificationService } from "../../../gen/giftmesh/notification/v1/notification_service_pb.ts";
import type { Database } from "../../platform/database/database.ts";
import { Events } from "../../platform/events/events.ts";
import { InProcessTransport } from "../../platform/events/in-process-transport.ts";
import { eventsMigration } from "../../platform/events/migrations.ts";
import { HostedService } from "../../platform/hosted-service.ts";
import { Leases, leasesMigration } from "../../platform/leases.ts";
import { Call } from "../../platform/rpc/call.ts";
import { Dispatcher } from "../../platform/rpc/dispatcher.ts";
import type { Client } from "../../platform/rpc/handler.ts";
import { MeshClients } from "../../platform/rpc/mesh-clients.ts";
import { type Engine, testConfig, testDatabase } from "../../platform/testing/engines.ts";
import { notification } from "../service.ts";

const log = pino({ level: "silent" });

type Request = MessageInitShape<typeof NotificationRequestedSchema>;

/** The notification service, and one that asks it to tell people things. */
export class RunningNotification {
  readonly mailbox: Client<typeof MailboxService>;
  readonly notifications: Client<typeof NotificationService>;
  readonly call = new Call({ requestId: "test" });
  private readonly service: HostedService;
  private readonly asker: Events;
  private readonly asking: Database;

  static async start(engine: Engine, environment: Readonly<Record<string, string>> = {}): Promise<RunningNotification> {
    const config = testConfig(engine, environment);
    const transport = new InProcessTransport();
    const dispatcher = new Dispatcher({ log });
    const clients = new MeshClients({ config, dispatcher, log });
    const service = await HostedService.open(notification, { config, clients, transport, log });
    service.serve(dispatcher);
    const asking = await testDatabase(engine, "asker", [leasesMigration, eventsMigration]);
    const asker = new Events({ service: "asker", database: asking, transport, leases: new Leases(asking), log });
    service.consume();
    service.start();
    asker.start();
    return new RunningNotification(clients, service, asker, asking);
  }

  private constructor(clients: MeshClients, service: HostedService, asker: Events, asking: Database) {
    this.mailbox = clients.of(MailboxService);
    this.notifications = clients.of(NotificationService);
    this.service = service;
    this.asker = asker;
    this.asking = asking;
  }

  /** Asks, in one transaction. */
  async ask(...requests: readonly Request[]): Promise<void> {
    await this.asking.transaction(async (tx) => {
      for (const request of requests) {
        await this.asker.outbox.add(tx, "giftmesh.notification.requested", NotificationRequestedSchema, request);
      }
    });
  }

  async list(request: Parameters<Client<typeof MailboxService>["listMessages"]>[0] = {}) {
    return this.mailbox.listMessages(request, this.call);
  }

  async stop(): Promise<void> {
    await Promise.all([this.asker.stop(), this.service.stop()]);
    await Promise.all([this.asking.close(), this.service.close()]);
  }
}
