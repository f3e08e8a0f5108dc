import { randomUUID } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { type Logger, pino } from "pino";
import { CallerSchema, Role } from "../../../gen/giftmesh/common/v1/access_pb.ts";
import { AdminCouponService } from "../../../gen/giftmesh/voucher/v1/admin_coupon_service_pb.ts";
import { DiscountType } from "../../../gen/giftmesh/voucher/v1/coupon_pb.ts";
import { CouponService } from "../../../gen/giftmesh/voucher/v1/coupon_service_pb.ts";
import { CouponUseService } from "../../../gen/giftmesh/voucher/v1/coupon_use_service_pb.ts";
import type { Database, Row, Value } from "../../platform/database/database.ts";
import { InProcessTransport } from "../../platform/events/in-process-transport.ts";
import { HostedService } from "../../platform/hosted-service.ts";
import { Call, type CallInit } from "../../platform/rpc/call.ts";
import { Dispatcher } from "../../platform/rpc/dispatcher.ts";
import type { Client } from "../../platform/rpc/handler.ts";
import { MeshClients } from "../../platform/rpc/mesh-clients.ts";
import type { Platform, ServiceDefinition } from "../../platform/service.ts";
import { type Engine, testConfig } from "../../platform/testing/engines.ts";
import { voucher } from "../service.ts";

const silent: Logger = pino({ level: "silent" });

type NewCoupon = Parameters<Client<typeof AdminCouponService>["createCoupon"]>[0];

/** What wants a coupon. */
interface Order {
  /** Of the use. */
  readonly id: string;
  readonly orderId: bigint;
  /** Minor units. */
  readonly amount: bigint;
  readonly currency: string;
}

/** A replica of voucher, called as any service calls another; and a look into its database. */
export class RunningVoucher {
  readonly coupons: Client<typeof CouponService>;
  readonly admin: Client<typeof AdminCouponService>;
  readonly uses: Client<typeof CouponUseService>;
  readonly database: Database;
  private readonly service: HostedService;

  static async start(engine: Engine): Promise<RunningVoucher> {
    // Many tests share one server.
    const config = testConfig(engine, { DATABASE_CONNECTIONS: "6" });
    const dispatcher = new Dispatcher({ log: silent });
    const clients = new MeshClients({ config, dispatcher, log: silent });
    const platform = Promise.withResolvers<Platform>();
    const definition: ServiceDefinition = {
      ...voucher,
      create: (given) => {
        platform.resolve(given);
        return voucher.create(given);
      },
    };
    const service = await HostedService.open(definition, {
      config,
      clients,
      transport: new InProcessTransport(),
      log: silent,
    });
    service.serve(dispatcher);
    service.start();
    return new RunningVoucher(clients, service, (await platform.promise).database);
  }

  private constructor(clients: MeshClients, service: HostedService, database: Database) {
    this.coupons = clients.of(CouponService);
    this.admin = clients.of(AdminCouponService);
    this.uses = clients.of(CouponUseService);
    this.service = service;
    this.database = database;
  }

  /** Makes a coupon of which there is one, for one a member, that takes 10 % off; but for what is given. */
  async newCoupon(changes: NewCoupon = {}): Promise<bigint> {
    const usual = { name: "Ten percent off", discountType: DiscountType.PERCENT, discountValue: "10" };
    const { coupon } = await this.admin.createCoupon({ ...usual, totalQuantity: 1n, ...changes }, byAdmin());
    if (!coupon) throw new Error("No coupon");
    return coupon.id;
  }

  claim(couponId: bigint, userId: bigint, init: Partial<CallInit> = {}) {
    return this.coupons.claimCoupon({ couponId }, byUser(userId, init));
  }

  /** Uses a member's coupon for an order, of 100.00 SAR and by a new id but for what is given. */
  use(couponId: bigint, userId: bigint, order: Partial<Order> = {}) {
    const { id = randomUUID(), orderId = 1n, amount = 10_000n, currency = "SAR" } = order;
    const orderAmount = { currencyCode: currency, minorUnits: amount };
    return this.uses.useCoupon({ id, userId, couponId, orderId, orderAmount }, callOf());
  }

  giveBack(id: string) {
    return this.uses.returnCoupon({ id }, callOf());
  }

  /** A coupon as those who run the house see it. */
  async look(couponId: bigint) {
    const { coupon } = await this.admin.getAdminCoupon({ couponId }, byAdmin());
    if (!coupon) throw new Error("No coupon");
    return coupon;
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

/** As many replicas as an engine can have. */
export async function startReplicas(engine: Engine): Promise<[RunningVoucher, ...RunningVoucher[]]> {
  const first = await RunningVoucher.start(engine);
  return engine.name === "MySQL" ? [first, await RunningVoucher.start(engine)] : [first];
}

/** A call of nobody's, unless somebody is given. */
export function callOf(init: Partial<CallInit> = {}): Call {
  return new Call({ requestId: randomUUID(), ...init });
}

/** A call of a member's. */
export function byUser(userId: bigint, init: Partial<CallInit> = {}): Call {
  return callOf({ caller: create(CallerSchema, { userId, role: Role.USER }), ...init });
}

/** A call of somebody's who runs the house. */
export function byAdmin(init: Partial<CallInit> = {}): Call {
  return callOf({ caller: create(CallerSchema, { userId: 1n, role: Role.ADMIN }), ...init });
}

/** So many times a thing. */
export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
