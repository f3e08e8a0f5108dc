import { randomBytes, randomInt } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { type Logger, pino } from "pino";
import { CallerSchema, Role } from "../../../../gen/giftmesh/common/v1/access_pb.ts";
import { createEdge, type Edge } from "../../../edge/edge.ts";
import { readDescriptors } from "../../../mesh.ts";
import type { Database, Row, Value } from "../../../platform/database/database.ts";
import { InProcessTransport } from "../../../platform/events/in-process-transport.ts";
import { HostedService } from "../../../platform/hosted-service.ts";
import { Unauthenticated } from "../../../platform/refusal.ts";
import { Dispatcher } from "../../../platform/rpc/dispatcher.ts";
import { type GrpcServer, startGrpcServer } from "../../../platform/rpc/grpc-server.ts";
import { MeshClients } from "../../../platform/rpc/mesh-clients.ts";
import type { ServiceDefinition } from "../../../platform/service.ts";
import { type Engine, testConfig } from "../../../platform/testing/engines.ts";
import { LossyDatabase } from "../../../platform/testing/lossy-database.ts";
import { type Answer, RestClient } from "../../../testing/rest-client.ts";
import { CardLists } from "../../store/card-lists.ts";
import { migrations } from "../../store/migrations.ts";
import { type BackgroundsPart, createBackgrounds } from "../create-backgrounds.ts";
import { backgroundMigrations } from "../store/migrations.ts";
import { png } from "./pictures.ts";

/** Where backgrounds are. */
export const base = "/api/v1/admin/gift-card-backgrounds";

const plenty = { admin: 1e9, user: 1e9, vendor: 1e9, anonymous: 1e9 };

/** As good as any, and made of no time. */
const usualPicture = png({ width: 3, height: 2 });

/** A form's fields; bytes are files. */
export type FormFields = Readonly<Record<string, string | Uint8Array>>;

interface Found {
  readonly part: BackgroundsPart;
  readonly database: Database;
  readonly lossy: LossyDatabase;
}

/** Backgrounds behind an edge that asks for them over gRPC, on one engine; and a look into their database. */
export class RunningBackgrounds {
  readonly part: BackgroundsPart;
  readonly database: Database;
  /** What the service itself goes through to it, to have answers be lost. */
  readonly lossy: LossyDatabase;
  readonly lines: Record<string, unknown>[];
  /** Where the edge is. */
  readonly url: URL;
  private readonly edge: Edge;
  private readonly service: HostedService;
  private readonly grpc: GrpcServer;

  static async start(engine: Engine, environment: Readonly<Record<string, string>> = {}): Promise<RunningBackgrounds> {
    const config = { ...testConfig(engine, environment), ratePerMinute: plenty };
    const lines: Record<string, unknown>[] = [];
    const log: Logger = pino({ level: "info" }, { write: (line) => void lines.push(JSON.parse(line)) });
    const dispatcher = new Dispatcher({ log });
    const clients = new MeshClients({ config, dispatcher, log });
    const made = Promise.withResolvers<Found>();
    const definition: ServiceDefinition = {
      name: "gift-card",
      migrations: [...new Set([...migrations, ...backgroundMigrations])],
      async create(platform) {
        const lossy = new LossyDatabase(platform.database);
        const part = createBackgrounds({ ...platform, database: lossy.database }, new CardLists(platform.database));
        made.resolve({ part, database: platform.database, lossy });
        return { serves: [part.served] };
      },
    };
    const service = await HostedService.open(definition, { config, clients, transport: new InProcessTransport(), log });
    service.serve(dispatcher);
    service.start();
    const grpc = await startGrpcServer({ config, dispatcher, log });
    const there = { ...config, addresses: { "gift-card": `127.0.0.1:${grpc.port}` } };
    const edge = await createEdge({
      config,
      registry: readDescriptors(),
      invoker: new MeshClients({ config: there, dispatcher: new Dispatcher({ log }), log }),
      tokens: { verify: (token) => callerOf(token) },
      log,
      ready: () => true,
      metrics: () => "",
    });
    return new RunningBackgrounds(await made.promise, { service, grpc, edge, url: await edge.start(), lines });
  }

  private constructor(
    { part, database, lossy }: Found,
    rest: { service: HostedService; grpc: GrpcServer; edge: Edge; url: URL; lines: Record<string, unknown>[] },
  ) {
    this.part = part;
    this.database = database;
    this.lossy = lossy;
    this.service = rest.service;
    this.grpc = rest.grpc;
    this.edge = rest.edge;
    this.url = rest.url;
    this.lines = rest.lines;
  }

  /** A client with a role; undefined is nobody's. */
  as(role: "user" | "vendor" | "admin" | "super_admin" | undefined): RestClient {
    return new RestClient(this.url, role && `${role}-17`);
  }

  /** Sends a form. */
  async form(
    method: "POST" | "PUT",
    path: string,
    fields: FormFields,
    { token = "super_admin-17", headers = {} }: { token?: string; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const body = new FormData();
    for (const [name, value] of Object.entries(fields)) {
      if (typeof value === "string") body.set(name, value);
      else body.set(name, new Blob([new Uint8Array(value)], { type: "application/x-lie" }), "../name.exe");
    }
    const response = await fetch(new URL(path, this.url), {
      method,
      body,
      headers: { authorization: `Bearer ${token}`, ...headers },
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: JSON.parse(text) };
  }

  /** Adds a background, one of a random name unless it is given one. */
  async newBackground(fields: FormFields = {}): Promise<Shown> {
    const name = `Roses ${randomBytes(4).toString("hex")}`;
    const { status, text, body } = await this.form("POST", base, {
      name,
      background_image: usualPicture,
      ...fields,
    });
    if (status !== 201) throw new Error(`No background is added: ${text}`);
    return body.data as unknown as Shown;
  }

  /** Adds a background with the picture of another: to convert one takes half a second. */
  async copyBackground(of: number): Promise<{ readonly id: number }> {
    const id = randomInt(2 ** 40, 2 ** 48 - 1);
    await this.change(
      `INSERT INTO backgrounds (id, name, search_text, active, picture, created_at, updated_at)
       SELECT ?, name, search_text, active, picture, created_at, updated_at FROM backgrounds WHERE id = ?`,
      BigInt(id),
      BigInt(of),
    );
    return { id };
  }

  /** Has a card have a background. */
  async newCard(backgroundId: number, state = "active"): Promise<bigint> {
    const id = BigInt(`0x${randomBytes(6).toString("hex")}`);
    await this.change(
      `INSERT INTO cards (id, background_image_id, state, amount, updated_at, method, attempt)
       VALUES (?, ?, ?, 1, 0, 'pending', 0)`,
      id,
      BigInt(backgroundId),
      state,
    );
    return id;
  }

  select(sql: string, ...values: Value[]): Promise<Row[]> {
    return this.database.select({ sql, values });
  }

  /** Changes rows, as time or another hand would have. */
  async change(sql: string, ...values: Value[]): Promise<void> {
    await this.database.transaction((tx) => tx.run([{ sql, values }]));
  }

  async stop(): Promise<void> {
    await this.edge.stop();
    await this.grpc.stop();
    await this.service.stop();
    await this.service.close();
  }
}

/** A background as the edge shows it. */
export interface Shown {
  readonly id: number;
  readonly name: string;
  readonly description: string | null;
  readonly is_active: boolean;
  readonly status: string;
  readonly url: string;
  readonly conversions: { readonly thumb: string; readonly card: string };
  readonly created_at: string;
  readonly updated_at: string;
}

/** `admin-17` is the token of an admin. */
function callerOf(token: string) {
  const [, role = "", id = "0"] = /^([a-z_]+)-([0-9]+)$/.exec(token) ?? [];
  const found = Role[role.toUpperCase() as keyof typeof Role];
  if (!found) throw new Unauthenticated();
  return create(CallerSchema, { userId: BigInt(id), role: found, vendorId: 1n, username: role });
}
