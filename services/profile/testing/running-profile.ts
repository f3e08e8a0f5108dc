import { randomBytes, randomUUID } from "node:crypto";
import { create, type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { createLocalJWKSet, decodeJwt, jwtVerify } from "jose";
import { type Logger, pino } from "pino";
import { type Caller, CallerSchema } from "../../../gen/giftmesh/common/v1/access_pb.ts";
import { AuthService, type LoginResponse } from "../../../gen/giftmesh/profile/v1/auth_service_pb.ts";
import { ContactService } from "../../../gen/giftmesh/profile/v1/contact_service_pb.ts";
import { SessionService } from "../../../gen/giftmesh/profile/v1/session_service_pb.ts";
import { UserAdminService } from "../../../gen/giftmesh/profile/v1/user_admin_service_pb.ts";
import type { Config } from "../../platform/config.ts";
import type { Database, Row, Value } from "../../platform/database/database.ts";
import { InProcessTransport } from "../../platform/events/in-process-transport.ts";
import { HostedService } from "../../platform/hosted-service.ts";
import { Call, type CallInit } from "../../platform/rpc/call.ts";
import { Dispatcher } from "../../platform/rpc/dispatcher.ts";
import type { Client } from "../../platform/rpc/handler.ts";
import { MeshClients } from "../../platform/rpc/mesh-clients.ts";
import type { ServiceDefinition } from "../../platform/service.ts";
import { type Engine, testConfig } from "../../platform/testing/engines.ts";
import { LossyDatabase } from "../../platform/testing/lossy-database.ts";
import { profile } from "../service.ts";

/** The password of everybody whom `register` makes. */
export const password = "correct horse";

const silent: Logger = pino({ level: "silent" });

/** A replica of profile, called as any service calls another; and a look into its database. */
export class RunningProfile {
  readonly config: Config;
  readonly dispatcher: Dispatcher;
  readonly announcements: readonly string[];
  readonly auth: Client<typeof AuthService>;
  readonly userAdmin: Client<typeof UserAdminService>;
  readonly sessions: Client<typeof SessionService>;
  readonly contacts: Client<typeof ContactService>;
  private readonly service: HostedService;
  private readonly database: Database;
  /** Has answers of its database be lost. */
  readonly lossy: LossyDatabase;

  static async start(engine: Engine, environment: Readonly<Record<string, string>> = {}): Promise<RunningProfile> {
    const config = testConfig(engine, environment);
    const dispatcher = new Dispatcher({ log: silent });
    const clients = new MeshClients({ config, dispatcher, log: silent });
    const found = Promise.withResolvers<LossyDatabase>();
    const definition: ServiceDefinition = {
      ...profile,
      create: (given) => {
        const lossy = new LossyDatabase(given.database);
        found.resolve(lossy);
        return profile.create({ ...given, database: lossy.database });
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
    return new RunningProfile(config, dispatcher, clients, service, await found.promise);
  }

  private constructor(
    config: Config,
    dispatcher: Dispatcher,
    clients: MeshClients,
    service: HostedService,
    lossy: LossyDatabase,
  ) {
    this.config = config;
    this.dispatcher = dispatcher;
    this.announcements = service.announcements;
    this.auth = clients.of(AuthService);
    this.userAdmin = clients.of(UserAdminService);
    this.sessions = clients.of(SessionService);
    this.contacts = clients.of(ContactService);
    this.service = service;
    this.lossy = lossy;
    this.database = lossy.database;
  }

  /** Signs somebody up, by a new user name unless one is given. */
  async register(details: { username?: string; name?: string; email?: string; phoneNumber?: string } = {}) {
    const { user } = await this.auth.register({ username: newUsername(), password, ...details }, callOf());
    if (!user) throw new Error("No user");
    return user;
  }

  /** Signs somebody in who was registered. */
  login(username: string): Promise<LoginResponse> {
    return this.auth.login({ username, password }, callOf());
  }

  /** Signs somebody up and in. */
  async enter(details: Parameters<RunningProfile["register"]>[0] = {}) {
    const tokens = await this.login((await this.register(details)).username);
    const caller = callerOf(tokens);
    return { tokens, caller, call: (init: Partial<CallInit> = {}) => callOf({ caller, ...init }) };
  }

  /** The claims of a token, checked with the public keys by a library that is not ours. */
  async verify(token: string) {
    const { keys } = await this.auth.getJsonWebKeys({}, callOf());
    return jwtVerify(token, createLocalJWKSet({ keys: keys.map(({ $typeName: _, ...key }) => key) }));
  }

  /** The events that were sent on a subject, the oldest first. */
  async events<S extends DescMessage>(subject: string, schema: S): Promise<MessageShape<S>[]> {
    const rows = await this.select("SELECT payload FROM outbox WHERE subject = ? ORDER BY id", subject);
    return rows.map((row) => fromBinary(schema, row.payload as Uint8Array));
  }

  select(sql: string, ...values: Value[]): Promise<Row[]> {
    return this.database.select({ sql, values });
  }

  /** Changes rows, as time or another hand would have. */
  async change(sql: string, ...values: Value[]): Promise<void> {
    await this.database.transaction((tx) => tx.run([{ sql, values }]));
  }

  /** Ends what it does of its own accord, and the streams. */
  end(): Promise<void> {
    return this.service.stop();
  }

  async stop(): Promise<void> {
    await this.end();
    await this.service.close();
  }
}

/** As many replicas as an engine can have. */
export async function startReplicas(engine: Engine): Promise<[RunningProfile, ...RunningProfile[]]> {
  const first = await RunningProfile.start(engine);
  return engine.name === "MySQL" ? [first, await RunningProfile.start(engine)] : [first];
}

/** A call of nobody's, unless somebody is given. */
export function callOf(init: Partial<CallInit> = {}): Call {
  return new Call({ requestId: randomUUID(), ...init });
}

/** Who calls with a token. */
export function callerOf({ token, user }: Pick<LoginResponse, "token" | "user">): Caller {
  if (!user) throw new Error("No user");
  const { sid } = decodeJwt(token);
  return create(CallerSchema, { userId: user.id, role: user.role, sessionId: BigInt(String(sid)) });
}

export function newUsername(): string {
  return `user-${randomBytes(6).toString("hex")}`;
}

/** So many times a thing. */
export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
