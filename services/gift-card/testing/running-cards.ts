import { randomBytes, randomUUID } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { type Logger, pino } from "pino";
import type { Registry } from "prom-client";
import { AdminCatalogService } from "../../../gen/giftmesh/catalog/v1/admin_catalog_service_pb.ts";
import { CallerSchema, Role } from "../../../gen/giftmesh/common/v1/access_pb.ts";
import { type GiftCard, GiftType } from "../../../gen/giftmesh/giftcard/v1/gift_card_pb.ts";
import { UserGiftCardService } from "../../../gen/giftmesh/giftcard/v1/user_gift_card_service_pb.ts";
import { OrderService } from "../../../gen/giftmesh/payment/v1/order_service_pb.ts";
import { VendorOrderService } from "../../../gen/giftmesh/payment/v1/vendor_order_service_pb.ts";
import { AuthService } from "../../../gen/giftmesh/profile/v1/auth_service_pb.ts";
import { LedgerService, SystemAccount } from "../../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import { PointsService } from "../../../gen/giftmesh/wallet/v1/points_service_pb.ts";
import { catalog } from "../../catalog/service.ts";
import { notification } from "../../notification/service.ts";
import { payment } from "../../payment/service.ts";
import type { Database, Row, Value } from "../../platform/database/database.ts";
import { InProcessTransport } from "../../platform/events/in-process-transport.ts";
import { HostedService } from "../../platform/hosted-service.ts";
import { Unavailable } from "../../platform/refusal.ts";
import { Call, type CallInit } from "../../platform/rpc/call.ts";
import { type Around, Dispatcher } from "../../platform/rpc/dispatcher.ts";
import type { Client } from "../../platform/rpc/handler.ts";
import { MeshClients } from "../../platform/rpc/mesh-clients.ts";
import type { Platform, ServiceDefinition } from "../../platform/service.ts";
import { type Engine, testConfig } from "../../platform/testing/engines.ts";
import { LossyDatabase } from "../../platform/testing/lossy-database.ts";
import { profile } from "../../profile/service.ts";
import { voucher } from "../../voucher/service.ts";
import { wallet } from "../../wallet/service.ts";
import { giftCard } from "../service.ts";

const silent: Logger = pino({ level: "silent" });

/** Where calls break: before an RPC has done anything, or after, so that nobody hears of it. */
export interface Break {
  /** `Transfer`. */
  readonly rpc: string;
  readonly when: "before" | "after";
}

type Found = Pick<Platform, "database" | "metrics"> & { readonly lossy: LossyDatabase };
type Databases = { readonly databases: ReadonlyMap<string, Database> };
type NewCard = Parameters<Client<typeof UserGiftCardService>["createGiftCard"]>[0];

/** Gift cards and all that they need, in this process, called as any service calls another; to be broken at will. */
export class RunningCards {
  readonly cards: Client<typeof UserGiftCardService>;
  readonly clients: MeshClients;
  readonly database: Database;
  private readonly databases: ReadonlyMap<string, Database>;
  /** What the service itself goes through to it, to have answers be lost. */
  readonly lossy: LossyDatabase;
  /** What the service shows to operators. */
  readonly metrics: Registry;
  private readonly services: readonly HostedService[];
  private readonly between: { around: Around };

  static async start(
    engine: Engine,
    environment: Readonly<Record<string, string>> = {},
    log: Logger = silent,
  ): Promise<RunningCards> {
    const config = testConfig(engine, environment);
    const between: { around: Around } = { around: undisturbed };
    const around: Around = (method, call, run) => between.around(method, call, run);
    const dispatcher = new Dispatcher({ log, around });
    const clients = new MeshClients({ config, dispatcher, log });
    const found = Promise.withResolvers<Found>();
    const watched: ServiceDefinition = {
      ...giftCard,
      create: (given) => {
        const lossy = new LossyDatabase(given.database);
        found.resolve({ ...given, lossy });
        return giftCard.create({ ...given, database: lossy.database });
      },
    };
    const transport = new InProcessTransport();
    const databases = new Map<string, Database>();
    const all = [profile, wallet, notification, catalog, voucher, payment, watched].map((definition) => ({
      ...definition,
      create: (given: Platform) => {
        databases.set(definition.name, given.database);
        return definition.create(given);
      },
    }));
    const services = await Promise.all(
      all.map((definition) => HostedService.open(definition, { config, clients, transport, log })),
    );
    for (const service of services) service.serve(dispatcher);
    for (const service of services) service.consume();
    for (const service of services) service.start();
    return new RunningCards(clients, services, { ...(await found.promise), databases }, between);
  }

  private constructor(
    clients: MeshClients,
    services: readonly HostedService[],
    { database, databases, metrics, lossy }: Found & Databases,
    between: { around: Around },
  ) {
    this.clients = clients;
    this.services = services;
    this.database = database;
    this.databases = databases;
    this.lossy = lossy;
    this.metrics = metrics;
    this.between = between;
    this.cards = clients.of(UserGiftCardService);
  }

  /** Has calls break from now on, or no more. */
  breakAt(at: Break | undefined): void {
    this.comeBetween(async (method, call, run) => {
      const isBroken = at?.rpc === method.name;
      if (isBroken && at?.when === "before") throw new Unavailable();
      const answer = await run(call);
      if (isBroken) throw new Unavailable();
      return answer;
    });
  }

  /** Has this be around every call from now on. */
  comeBetween(around: Around = undisturbed): void {
    this.between.around = around;
  }

  /** Signs somebody up, with so much in the wallet. */
  async newUser(points = "1000.00"): Promise<bigint> {
    const username = `user-${randomBytes(6).toString("hex")}`;
    const { user } = await this.clients.of(AuthService).register({ username, password: "correct horse" }, callOf());
    if (!user) throw new Error("Nobody was signed up");
    const charge = { memberId: "me", amount: points };
    if (points !== "0") await this.clients.of(PointsService).chargePoints(charge, byUser(user.id));
    return user.id;
  }

  /** Makes a `wallet` card of 100.00, but for what is given. */
  async newCard(makerId: bigint, changes: NewCard = {}, init: Partial<CallInit> = {}): Promise<GiftCard> {
    const usual = { giftType: GiftType.WALLET, amount: "100.00" };
    return shown(await this.cards.createGiftCard({ ...usual, ...changes }, byUser(makerId, init)));
  }

  /** Makes an `order` card of 100.00 for a new product of 80.00, of which there are so many. */
  async newOrderCard(makerId: bigint, stock = 1n, changes: NewCard = {}): Promise<GiftCard> {
    return this.newCard(makerId, { giftType: GiftType.ORDER, ...(await this.newGoods(stock)), ...changes });
  }

  /** Has a new vendor sell a new product of 80.00, of which there are so many. */
  async newGoods(stock: bigint): Promise<{ readonly vendorId: bigint; readonly productId: bigint }> {
    const admin = this.clients.of(AdminCatalogService);
    const { vendor } = await admin.createVendor({ name: "Flowers & Co" }, byAdmin());
    const goods = { vendorId: vendor?.id ?? 0n, name: "Roses", price: "80.00", stock };
    const { product } = await admin.createProduct(goods, byAdmin());
    return { vendorId: goods.vendorId, productId: product?.id ?? 0n };
  }

  async look(cardId: bigint, userId: bigint): Promise<GiftCard> {
    return shown(await this.cards.getGiftCard({ giftCardId: cardId }, byUser(userId)));
  }

  async redeem(cardId: bigint, userId: bigint, init: Partial<CallInit> = {}): Promise<GiftCard> {
    return shown(await this.cards.redeemGiftCardToWallet({ giftCardId: cardId }, byUser(userId, init)));
  }

  async order(cardId: bigint, userId: bigint, init: Partial<CallInit> = {}): Promise<GiftCard> {
    return shown(await this.cards.createOrderFromGiftCard({ giftCardId: cardId }, byUser(userId, init)));
  }

  async unorder(cardId: bigint, userId: bigint, init: Partial<CallInit> = {}): Promise<GiftCard> {
    return shown(await this.cards.cancelOrderAndRedeemToWallet({ giftCardId: cardId }, byUser(userId, init)));
  }

  /** Has the vendor of an order's product deliver it. */
  async complete(orderId: bigint, vendorId: bigint): Promise<void> {
    const caller = create(CallerSchema, { userId: 1n, role: Role.VENDOR, vendorId });
    await this.clients.of(VendorOrderService).completeOrder({ orderId }, callOf({ caller }));
  }

  /** Has the buyer cancel an order. */
  async cancel(orderId: bigint, userId: bigint): Promise<void> {
    await this.clients.of(OrderService).cancelOrder({ orderId }, byUser(userId));
  }

  /** What is in somebody's wallet of the default currency. */
  async balance(userId: bigint): Promise<string> {
    return (await this.clients.of(PointsService).getPoints({ memberId: "me" }, byUser(userId))).balance;
  }

  /** What a card has put into somebody's wallet and taken out of it, the newest first. */
  async postings(userId: bigint, cardId: bigint): Promise<string[]> {
    const request = { memberId: "me", perPage: 100 };
    const { transactions } = await this.clients.of(PointsService).listTransactions(request, byUser(userId));
    return transactions
      .filter(({ reference }) => reference === `card-${cardId}`)
      .map(({ direction, amount }) => `${direction === 1 ? "+" : "-"}${amount}`);
  }

  /** What is owed on cards in SAR, by the ledger, in minor units. */
  async liability(): Promise<bigint> {
    const { balances } = await this.clients.of(LedgerService).listSystemBalances({}, callOf());
    const found = balances.find(
      ({ account, currencyCode }) => account === SystemAccount.GIFT_CARD_LIABILITY && currencyCode === "SAR",
    );
    return BigInt(found?.minorUnits ?? 0);
  }

  select(sql: string, ...values: Value[]): Promise<Row[]> {
    return this.database.select({ sql, values });
  }

  /** Changes rows, as time or another hand would have. */
  async change(sql: string, ...values: Value[]): Promise<void> {
    await this.database.commit([{ sql, values }]);
  }

  /** The same in the database of another service. */
  async changeIn(service: string, sql: string, ...values: Value[]): Promise<void> {
    await this.databases.get(service)?.commit([{ sql, values }]);
  }

  /** Reads rows of another service. */
  async selectIn(service: string, sql: string, ...values: Value[]): Promise<Row[]> {
    return (await this.databases.get(service)?.select({ sql, values })) ?? [];
  }

  /** The state of a card, in its row. */
  async stateOf(cardId: bigint): Promise<string> {
    const [row] = await this.select("SELECT state FROM cards WHERE id = ?", cardId);
    return String(row?.state);
  }

  async stop(): Promise<void> {
    for (const service of [...this.services].reverse()) await service.stop();
    for (const service of this.services) await service.close();
  }
}

function undisturbed(...[, call, run]: Parameters<Around>): ReturnType<Around> {
  return run(call);
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

function shown({ giftCard }: { readonly giftCard?: GiftCard | undefined }): GiftCard {
  if (!giftCard) throw new Error("There is no card in the answer");
  return giftCard;
}
