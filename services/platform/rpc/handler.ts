import type { DescMethod, DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { Call } from "./call.ts";

/** Answers one RPC: read the request, call the domain, shape the answer. Throws a Refusal for an expected failure. */
export type Handler<M extends DescMethod> = M extends { methodKind: "server_streaming" }
  ? (request: MessageShape<M["input"]>, call: Call) => AsyncIterable<MessageInitShape<M["output"]>>
  : (request: MessageShape<M["input"]>, call: Call) => Promise<MessageInitShape<M["output"]>>;

/** A handler for every RPC of a service. */
export type Handlers<S extends DescService> = { readonly [K in keyof S["method"]]: Handler<S["method"][K]> };

/** A proto service and its handlers, as a service of the mesh serves them. */
export interface Served {
  readonly service: DescService;
  readonly handlers: Readonly<Record<string, Handler<DescMethod>>>;
}

/** Pairs a proto service with its handlers; the types see to it that none is missing. */
export function serve<S extends DescService>(service: S, handlers: Handlers<S>): Served {
  return { service, handlers: handlers as unknown as Served["handlers"] };
}

/** Calls the RPCs of a service, wherever it runs. Throws a Refusal as the handler did. */
export type Client<S extends DescService> = {
  readonly [K in keyof S["method"]]: S["method"][K] extends { methodKind: "server_streaming" }
    ? (
        request: MessageInitShape<S["method"][K]["input"]>,
        call: Call,
      ) => AsyncIterable<MessageShape<S["method"][K]["output"]>>
    : (
        request: MessageInitShape<S["method"][K]["input"]>,
        call: Call,
      ) => Promise<MessageShape<S["method"][K]["output"]>>;
};

/** Where a service of the mesh finds the others. */
export interface Clients {
  of<S extends DescService>(service: S): Client<S>;
}
