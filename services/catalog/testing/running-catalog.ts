import { randomBytes, randomUUID } from "node:crypto";
import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type Logger, pino } from "pino";
import { AdminCatalogService } from "../../../gen/giftmesh/catalog/v1/admin_catalog_service_pb.ts";
import { ProductService } from "../../../gen/giftmesh/catalog/v1/product_service_pb.ts";
import { StockService } from "../../../gen/giftmesh/catalog/v1/stock_service_pb.ts";
import { type Caller, CallerSchema, Role } from "../../../gen/giftmesh/common/v1/access_pb.ts";
import type { Database, Row, Value } from "../../platform/database/database.ts";
import { InProcessTransport } from "../../platform/events/in-process-transport.ts";
import { HostedService } from "../../platform/hosted-service.ts";
import { Call, type CallInit } from "../../platform/rpc/call.ts";
import { Dispatcher } from "../../platform/rpc/dispatcher.ts";
import type { Client } from "../../platform/rpc/handler.ts";
import { MeshClients } from "../../platform/rpc/mesh-clients.ts";
import type { Platform, ServiceDefinition } from "../../platform/service.ts";
import { type Engine, testConfig } from "../../platform/testing/engines.ts";
import { now, toTimestamp } from "../../platform/time.ts";
import { catalog } from "../service.ts";

const silent: Logger = pino({ level: "silent" });

/** A replica of catalog, called as any service calls another; and a look into its database. */
export class RunningCatalog {
  readonly admin: Client<typeof AdminCatalogService>;
  readonly products: Client<typeof ProductService>;
  readonly stock: Client<typeof StockService>;
  readonly database: Database;
  private readonly service: HostedService;
  private readonly transport: InProcessTransport;

  static async start(engine: Engine): Promise<RunningCatalog> {
    const config = testConfig(engine);
    const dispatcher = new Dispatcher({ log: silent });
    const clients = new MeshClients({ config, dispatcher, log: silent });
    const platform = Promise.withResolvers<Platform>();
    const definition: ServiceDefinition = {
      ...catalog,
      create: (given) => {
        platform.resolve(given);
        return catalog.create(given);
      },
    };
    const transport = new InProcessTransport();
    const service = await HostedService.open(definition, { config, clients, transport, log: silent });
    service.serve(dispatcher);
    service.consume();
    service.start();
    return new RunningCatalog(clients, service, transport, (await platform.promise).database);
  }

  private constructor(clients: MeshClients, service: HostedService, transport: InProcessTransport, database: Database) {
    this.admin = clients.of(AdminCatalogService);
    this.products = clients.of(ProductService);
    this.stock = clients.of(StockService);
    this.service = service;
    this.transport = transport;
    this.database = database;
  }

  /** Adds a vendor; answers its id. */
  async newVendor(): Promise<bigint> {
    const { vendor } = await this.admin.createVendor({ name: "Flowers & Co" }, adminCall());
    return idOf(vendor);
  }

  /** Adds a product of a new vendor's; answers its id. */
  async newProduct(fields: Omit<MessageInitShape<typeof createProduct>, "$typeName"> = {}): Promise<bigint> {
    const vendorId = fields.vendorId ?? (await this.newVendor());
    const { product } = await this.admin.createProduct(
      { name: "Roses", price: "25.00", stock: 10n, ...fields, vendorId },
      adminCall(),
    );
    return idOf(product);
  }

  /** Adds an offer, one that runs for good unless it is said otherwise; answers its id. */
  async newOffer(fields: Omit<MessageInitShape<typeof createOffer>, "$typeName">): Promise<bigint> {
    const { offer } = await this.admin.createOffer({ name: "Offer", price: "20.00", ...fields }, adminCall());
    return idOf(offer);
  }

  /** Where a product's units are: free, held and sold. */
  async levelOf(productId: bigint): Promise<[free: bigint, held: bigint, sold: bigint]> {
    const { product } = await this.admin.getAnyProduct({ productId }, adminCall());
    if (!product) throw new Error("No product");
    return [product.stock, product.held, product.sold];
  }

  /** Has an event arrive, by an id of its own unless it is one that has come before. */
  async deliver<S extends DescMessage>(
    subject: string,
    schema: S,
    event: MessageInitShape<S>,
    id: string = randomUUID(),
  ): Promise<void> {
    const payload = toBinary(schema, create(schema, event));
    const [delivered] = await this.transport.publish([{ id, subject, payload, traceparent: "", requestId: "" }]);
    if (delivered?.status === "rejected") throw delivered.reason;
  }

  select(sql: string, ...values: Value[]): Promise<Row[]> {
    return this.database.select({ sql, values });
  }

  /** Changes rows, as time or another hand would have. */
  async change(sql: string, ...values: Value[]): Promise<void> {
    await this.database.transaction((tx) => tx.run([{ sql, values }]));
  }

  async stop(): Promise<void> {
    await this.service.stop();
    await this.service.close();
  }
}

const createProduct = AdminCatalogService.method.createProduct.input;
const createOffer = AdminCatalogService.method.createOffer.input;

/** As many replicas as an engine can have. */
export async function startReplicas(engine: Engine): Promise<[RunningCatalog, ...RunningCatalog[]]> {
  const first = await RunningCatalog.start(engine);
  return engine.name === "MySQL" ? [first, await RunningCatalog.start(engine)] : [first];
}

/** A call of nobody's, as services make them, unless somebody is given. */
export function callOf(init: Partial<CallInit> = {}): Call {
  return new Call({ requestId: randomUUID(), ...init });
}

/** A call of an admin's. */
export function adminCall(init: Partial<CallInit> = {}): Call {
  return callOf({ caller: callerOf(Role.ADMIN), ...init });
}

/** A call of a user's. */
export function userCall(init: Partial<CallInit> = {}): Call {
  return callOf({ caller: callerOf(Role.USER, 7n), ...init });
}

/** So many seconds from now; below zero: ago. */
export function inSeconds(seconds: number) {
  return toTimestamp(now() + BigInt(seconds) * 1_000_000n);
}

/** An id that no hold has yet. */
export function newHoldId(): string {
  return `order-${randomBytes(6).toString("hex")}`;
}

/** So many times a thing. */
export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

function callerOf(role: Role, userId = 1n): Caller {
  return create(CallerSchema, { userId, role });
}

function idOf(made: { readonly id: bigint } | undefined): bigint {
  if (!made) throw new Error("Nothing was made");
  return made.id;
}
