import { create, type DescMethod, type DescService, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import type { Config } from "../config.ts";
import type { Needed } from "../readiness.ts";
import { Unavailable } from "../refusal.ts";
import type { Call } from "./call.ts";
import { CoalescingInvoker } from "./coalescing.ts";
import { pathOf } from "./codec.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { GrpcClient } from "./grpc-client.ts";
import type { Client, Clients } from "./handler.ts";
import type { Invoker } from "./invoker.ts";

/** The services whose package is not named as they are. */
const namesByPackage: Readonly<Record<string, string>> = { giftcard: "gift-card" };

export interface MeshClientsOptions {
  readonly config: Pick<Config, "addresses" | "grpcTls">;
  readonly dispatcher: Dispatcher;
  readonly log: Logger;
}

interface Remote {
  readonly client: GrpcClient;
  readonly invoker: Invoker;
}

/** Finds a service wherever it runs: in this process its handlers, directly; else over gRPC at its address. */
export class MeshClients implements Clients, Invoker {
  private readonly config: MeshClientsOptions["config"];
  private readonly dispatcher: Dispatcher;
  private readonly log: Logger;
  private readonly clients = new Map<DescService, Client<DescService>>();
  private readonly remotes = new Map<string, Remote>();

  constructor({ config, dispatcher, log }: MeshClientsOptions) {
    this.config = config;
    this.dispatcher = dispatcher;
    this.log = log;
  }

  of<S extends DescService>(service: S): Client<S> {
    const known = this.clients.get(service);
    if (known) return known as Client<S>;
    const callers = service.methods.map((method) => [method.localName, this.callerOf(method)]);
    const client: Client<S> = Object.fromEntries(callers);
    this.clients.set(service, client);
    return client;
  }

  unary(method: DescMethod, request: Message, call: Call): Promise<Message> {
    try {
      return this.invokerOf(method, call).unary(method, request, call);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  stream(method: DescMethod, request: Message, call: Call): AsyncIterable<Message> {
    return this.invokerOf(method, call).stream(method, request, call);
  }

  /** Asks a service of the mesh in another process, by its name, whether it serves; without its address, it does not. */
  healthOf(name: string): Needed {
    return { isReady: async (timeoutMs) => (await this.remoteOf(name)?.client.isServing(timeoutMs)) ?? false };
  }

  /** Lets calls in progress end, and takes no more to other processes. */
  close(): void {
    for (const { client } of this.remotes.values()) client.close();
  }

  private callerOf(method: DescMethod) {
    type Request = MessageInitShape<DescMethod["input"]>;
    return method.methodKind === "server_streaming"
      ? (request: Request, call: Call) => this.stream(method, create(method.input, request), call)
      : (request: Request, call: Call) => this.unary(method, create(method.input, request), call);
  }

  /** Looks each time: a service may come to be served here after its clients were made. */
  private invokerOf(method: DescMethod, call: Call): Invoker {
    if (this.dispatcher.serves(method.parent.typeName)) return this.dispatcher;
    const name = serviceNameOf(method);
    const remote = this.remoteOf(name);
    if (remote) return remote.invoker;
    const setting = `${name.toUpperCase().replaceAll("-", "_")}_ADDR`;
    const about = { requestId: call.requestId, method: pathOf(method), setting };
    this.log.error(about, `${setting} does not say where the service ${name} is`);
    throw new Unavailable();
  }

  /** A service in another process; undefined where no address of it is known. */
  private remoteOf(name: string): Remote | undefined {
    const { log } = this;
    const known = this.remotes.get(name);
    const address = this.config.addresses[name];
    if (known || address === undefined) return known;
    const client = new GrpcClient({ address, tls: this.config.grpcTls, log });
    const remote = { client, invoker: new CoalescingInvoker(client) };
    this.remotes.set(name, remote);
    return remote;
  }
}

/** The service of the mesh that an RPC is of: `giftmesh.giftcard.v1` is `gift-card`'s package. */
function serviceNameOf(method: DescMethod): string {
  const [, segment = ""] = method.parent.typeName.split(".");
  return namesByPackage[segment] ?? segment;
}
