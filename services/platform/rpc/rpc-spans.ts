import type { DescMethod } from "@bufbuild/protobuf";
import { SpanKind } from "@opentelemetry/api";
import type { SpanDescription } from "../tracing.ts";
import { pathOf } from "./codec.ts";

/** The span of an RPC where it is answered, be its caller in this process or in another. */
export function serverSpan(method: DescMethod): SpanDescription {
  return rpcSpan(method, SpanKind.SERVER);
}

/** The span of an RPC to another process where it is called. */
export function clientSpan(method: DescMethod): SpanDescription {
  return rpcSpan(method, SpanKind.CLIENT);
}

/** By the semantic conventions for RPC. */
function rpcSpan(method: DescMethod, kind: SpanKind): SpanDescription {
  return {
    name: pathOf(method).slice(1),
    kind,
    attributes: { "rpc.system": "grpc", "rpc.service": method.parent.typeName, "rpc.method": method.name },
  };
}
