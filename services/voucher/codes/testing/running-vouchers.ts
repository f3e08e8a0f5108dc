import { randomUUID } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { type Logger, pino } from "pino";
import { CallerSchema, type Role } from "../../../../gen/giftmesh/common/v1/access_pb.ts";
import { MailboxService } from "../../../../gen/giftmesh/notification/v1/mailbox_service_pb.ts";
import { AuthService } from "../../../../gen/giftmesh/profile/v1/auth_service_pb.ts";
import { type RequestedCode, VoucherService } from "../../../../gen/giftmesh/voucher/v1/voucher_service_pb.ts";
import { notification } from "../../../notification/service.ts";
import type { Database, Row, Value } from "../../../platform/database/database.ts";
import { InProcessTransport } from "../../../platform/events/in-process-transport.ts";
import type { EventTransport } from "../../../platform/events/transport.ts";
import { HostedService } from "../../../platform/hosted-service.ts";
import { Metrics } from "../../../platform/metrics.ts";
import { Unavailable } from "../../../platform/refusal.ts";
import { Call, type CallInit } from "../../../platform/rpc/call.ts";
import { type Around, Dispatcher } from "../../../platform/rpc/dispatcher.ts";
import type { Client } from "../../../platform/rpc/handler.ts";
import { MeshClients } from "../../../platform/rpc/mesh-clients.ts";
import type { ServiceDefinition } from "../../../platform/service.ts";
import { type Engine, testConfig } from "../../../platform/testing/engines.ts";
import { eventually } from "../../../platform/testing/eventually.ts";
import { profile } from "../../../profile/service.ts";
import { voucher } from "../../service.ts";
import { PlayedIntegration } from "./playing-integration.ts";

const silent: Logger = pino({ level: "silent" });

export interface RunningVouchersOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly transport?: EventTransport;
  readonly log?: Logger;
  /** False: another replica takes the events. */
  readonly consumes?: boolean;
}

/** A request as who made it knows it. */
export interface Asked {
  readonly requestId: bigint;
  readonly token: string;
}

/** The voucher service with those beside it, and in the integration's place a test. */
export class RunningVouchers {
  readonly vouchers: Client<typeof VoucherService>;
  readonly clients: MeshClients;
  readonly metrics: Metrics;
  readonly integration: PlayedIntegration;
  private readonly services: readonly HostedService[];
  private readonly databases: ReadonlyMap<string, Database>;
  private readonly transport: EventTransport;
  private readonly broken: Set<string>;

  static async start(engine: Engine, options: RunningVouchersOptions = {}): Promise<RunningVouchers> {
    const { environment = {}, transport = new InProcessTransport(), log = silent, consumes = true } = options;
    const config = testConfig(engine, { DATABASE_CONNECTIONS: "4", ...environment });
    const broken = new Set<string>();
    const around: Around = async (method, call, run) => {
      if (broken.has(method.name)) throw new Unavailable();
      return run(call);
    };
    const dispatcher = new Dispatcher({ log, around });
    const clients = new MeshClients({ config, dispatcher, log });
    const metrics = new Metrics();
    const databases = new Map<string, Database>();
    const observed = (definition: ServiceDefinition): ServiceDefinition => ({
      ...definition,
      create: (platform) => {
        databases.set(definition.name, platform.database);
        return definition.create(platform);
      },
    });
    const integration = new PlayedIntegration();
    const all = [profile, notification, voucher, integration.definition].map(observed);
    const hosted = await Promise.allSettled(
      all.map((definition) => HostedService.open(definition, { config, clients, transport, log, metrics })),
    );
    const services = hosted.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    for (const one of hosted) {
      if (one.status === "fulfilled") continue;
      for (const service of services) await service.close();
      throw one.reason;
    }
    for (const service of services) service.serve(dispatcher);
    if (consumes) for (const service of services) service.consume();
    for (const service of services) service.start();
    return new RunningVouchers({ clients, metrics, integration, services, databases, transport, broken });
  }

  private constructor(parts: {
    readonly clients: MeshClients;
    readonly metrics: Metrics;
    readonly integration: PlayedIntegration;
    readonly services: readonly HostedService[];
    readonly databases: ReadonlyMap<string, Database>;
    readonly transport: EventTransport;
    readonly broken: Set<string>;
  }) {
    this.clients = parts.clients;
    this.vouchers = parts.clients.of(VoucherService);
    this.metrics = parts.metrics;
    this.integration = parts.integration;
    this.services = parts.services;
    this.databases = parts.databases;
    this.transport = parts.transport;
    this.broken = parts.broken;
  }

  /** Asks for a code for a phone. */
  async ask(phoneNumber = newNumber(), init: Partial<CallInit> = {}): Promise<Asked> {
    const { requestId, watchToken } = await this.vouchers.requestCode({ phoneNumber }, callOf(init));
    return { requestId, token: watchToken };
  }

  /** Looks at a request, waiting so many seconds for news. */
  async look(asked: Asked, wait = 0, init: Partial<CallInit> = {}): Promise<RequestedCode> {
    const deadline = Date.now() + 40_000;
    const { requestedCode } = await this.vouchers.getRequestedCode({ ...asked, wait }, callOf({ deadline, ...init }));
    if (!requestedCode) throw new Error("No request");
    return requestedCode;
  }

  /** All that a stream says until it ends; it is in `said` as it comes. */
  async watch(asked: Asked, init: Partial<CallInit> = {}, said: RequestedCode[] = []): Promise<RequestedCode[]> {
    const deadline = Number.POSITIVE_INFINITY;
    for await (const { requestedCode } of this.vouchers.watchRequestedCode(asked, callOf({ deadline, ...init }))) {
      if (requestedCode) said.push(requestedCode);
    }
    return said;
  }

  /** The SMS that a phone has got. */
  async messagesTo(to: string): Promise<string[]> {
    const { messages } = await this.clients.of(MailboxService).listMessages({ to, perPage: 100 }, callOf());
    return messages.map(({ body }) => body);
  }

  /** The SMS that a phone has got, as soon as it is so many. */
  async toldTo(to: string, count = 1): Promise<string[]> {
    await eventually(async () => (await this.messagesTo(to)).length >= count);
    return this.messagesTo(to);
  }

  /** Has an RPC of this process break from now on, or no more. */
  breakRpc(name: string, isBroken: boolean): void {
    if (isBroken) this.broken.add(name);
    else this.broken.delete(name);
  }

  /** Signs somebody up, and has a number be theirs, as if they had verified it. */
  async newOwner(phoneNumber: string): Promise<bigint> {
    const username = `user-${randomUUID().slice(0, 13)}`;
    const { user } = await this.clients
      .of(AuthService)
      .register({ username, password: "correct horse", phoneNumber }, callOf());
    const statement = {
      sql: "UPDATE users SET verified_phone = ? WHERE id = ?",
      values: [phoneNumber, user?.id ?? 0n],
    };
    await this.databaseOf("profile").commit([statement]);
    return user?.id ?? 0n;
  }

  select(sql: string, ...values: Value[]): Promise<Row[]> {
    return this.databaseOf("voucher").select({ sql, values });
  }

  /** Changes rows, as time or another hand would have. */
  async change(sql: string, ...values: Value[]): Promise<void> {
    await this.databaseOf("voucher").commit([{ sql, values }]);
  }

  /** The state of a request, in its row. */
  async stateOf({ requestId }: Pick<Asked, "requestId">): Promise<string> {
    const [row] = await this.select("SELECT state FROM voucher_requests WHERE id = ?", requestId);
    return String(row?.state);
  }

  /** Waits until a request is in a state. */
  async isIn(asked: Pick<Asked, "requestId">, state: string): Promise<void> {
    await eventually(async () => (await this.stateOf(asked)) === state);
  }

  /** A service's database. */
  databaseOf(service: string): Database {
    const database = this.databases.get(service);
    if (!database) throw new Error(`${service} is not running`);
    return database;
  }

  async stop(): Promise<void> {
    for (const service of [...this.services].reverse()) await service.stop();
    await this.transport.close();
    for (const service of this.services) await service.close();
  }
}

let numbers = 0;
const start = Math.floor(Math.random() * 9_000_000);

/** A phone that nobody has asked for yet, E.164. */
export function newNumber(): string {
  return `+8490${String((start + ++numbers) % 10_000_000).padStart(7, "0")}`;
}

/** A call of nobody's, unless somebody is given. */
export function callOf(init: Partial<CallInit> = {}): Call {
  return new Call({ requestId: randomUUID(), ...init });
}

/** A call of somebody's with a role. */
export function by(role: Role, userId: bigint, init: Partial<CallInit> = {}): Call {
  return callOf({ caller: create(CallerSchema, { userId, role }), ...init });
}
