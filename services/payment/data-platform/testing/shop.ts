import { create } from "@bufbuild/protobuf";
import { pino } from "pino";
import { DataPlatformService } from "../../../../gen/giftmesh/payment/v1/data_platform_service_pb.ts";
import { OrderSchema, OrderStatus, PaymentMethod } from "../../../../gen/giftmesh/payment/v1/order_pb.ts";
import type { Database } from "../../../platform/database/database.ts";
import { InProcessTransport } from "../../../platform/events/in-process-transport.ts";
import { HostedService } from "../../../platform/hosted-service.ts";
import { Metrics } from "../../../platform/metrics.ts";
import { Call } from "../../../platform/rpc/call.ts";
import { Dispatcher } from "../../../platform/rpc/dispatcher.ts";
import type { Client, Served } from "../../../platform/rpc/handler.ts";
import { MeshClients } from "../../../platform/rpc/mesh-clients.ts";
import { type Engine, testConfig } from "../../../platform/testing/engines.ts";
import { type Instant, now, toTimestamp } from "../../../platform/time.ts";
import { serveDataPlatform } from "../../rpc/data-platform.ts";
import { openDataPlatform } from "../data-platform.ts";
import type { DeliveryType } from "../delivery.ts";
import { dataPlatformMigration } from "../migration.ts";
import type { OrderEntry } from "../order-feed.ts";
import type { Pace } from "../sender.ts";

const log = pino({ level: "silent" });

export const secret = "whsec_aGVyZSBpdCBpcyBubyBzZWNyZXQgYXQgYWxs";

/** Everything in milliseconds, so that no test waits. */
export const fastPace: Pace = {
  policy: { attempts: 12, firstMs: 1, mostMs: 20 },
  away: { firstMs: 1, mostMs: 20 },
  pollMs: 20,
};

/** What happened to whose order. */
export interface Happening {
  readonly orderId: number;
  readonly userId: number;
  readonly type?: DeliveryType;
  readonly occurredAt?: Instant;
}

export interface ShopOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly pace?: Pace;
}

/** One replica of a payment service that does nothing but feed the data platform. */
export class Shop {
  readonly platform: Client<typeof DataPlatformService>;
  readonly call = new Call({ requestId: "test", deadline: Date.now() + 600_000 });
  readonly database: Database;
  /** To serve it elsewhere too. */
  readonly served: Served;
  private readonly metrics: Metrics;
  private readonly service: HostedService;
  private readonly feed: ReturnType<typeof openDataPlatform>["feed"];

  static async start(engine: Engine, { environment = {}, pace = fastPace }: ShopOptions = {}): Promise<Shop> {
    const config = testConfig(engine, environment);
    const dispatcher = new Dispatcher({ log });
    const clients = new MeshClients({ config, dispatcher, log });
    const metrics = new Metrics();
    const made: { parts?: Pick<Shop, "database" | "served"> & { feed: Shop["feed"] } } = {};
    const definition = {
      name: "payment",
      migrations: [dataPlatformMigration],
      create: async (platform: Parameters<typeof openDataPlatform>[0]) => {
        const dataPlatform = openDataPlatform(platform, pace);
        const served = serveDataPlatform(dataPlatform);
        made.parts = { database: platform.database, feed: dataPlatform.feed, served };
        return { serves: [served], workers: dataPlatform.workers };
      },
    };
    const service = await HostedService.open(definition, {
      config,
      clients,
      transport: new InProcessTransport(),
      log,
      metrics,
    });
    if (!made.parts) throw new Error("The service was not made");
    service.serve(dispatcher);
    return new Shop({ ...made.parts, service, metrics, platform: clients.of(DataPlatformService) });
  }

  private constructor(parts: {
    readonly database: Database;
    readonly served: Served;
    readonly feed: Shop["feed"];
    readonly service: HostedService;
    readonly metrics: Metrics;
    readonly platform: Client<typeof DataPlatformService>;
  }) {
    this.database = parts.database;
    this.served = parts.served;
    this.feed = parts.feed;
    this.service = parts.service;
    this.metrics = parts.metrics;
    this.platform = parts.platform;
    this.service.start();
  }

  /** Has things happen, in one transaction. */
  async happen(...happenings: readonly Happening[]): Promise<void> {
    await this.database.commit(happenings.map((happening) => this.feed.adding(entryOf(happening))));
    this.feed.wake();
  }

  async counts(): Promise<{ waiting: number; dead: number }> {
    const { waitingCount, deadCount } = await this.platform.getDeliveryProgress({}, this.call);
    return { waiting: Number(waitingCount), dead: Number(deadCount) };
  }

  /** What /metrics shows of it. */
  async metric(name: string): Promise<number | undefined> {
    const metric = await this.metrics.registry.getSingleMetric(`giftmesh_data_platform_${name}`)?.get();
    return metric?.values[0]?.value;
  }

  async stop(): Promise<void> {
    await this.service.stop();
    await this.service.close();
  }
}

export function entryOf({ orderId, userId, type = "order.paid", occurredAt = now() }: Happening): OrderEntry {
  const order = create(OrderSchema, {
    id: BigInt(orderId),
    userId: BigInt(userId),
    vendorId: 1n,
    productId: 2n,
    items: [
      {
        productId: 2n,
        vendorId: 1n,
        name: "A kettle",
        quantity: 1n,
        unitPrice: "20.00",
        discountAmount: "0.00",
        totalAmount: "20.00",
      },
    ],
    discountAmount: "0.00",
    totalAmount: "20.00",
    currency: "SAR",
    status: type === "order.paid" ? OrderStatus.COMPLETED : OrderStatus.CANCELLED,
    paymentMethod: PaymentMethod.BALANCE,
    paymentId: BigInt(orderId),
    createdAt: toTimestamp(occurredAt),
    paidAt: toTimestamp(occurredAt),
  });
  return { type, order, occurredAt };
}
