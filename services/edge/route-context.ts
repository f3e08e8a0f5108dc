import type { Logger } from "pino";
import type { Invoker } from "../platform/rpc/invoker.ts";
import type { Admit } from "./admission.ts";
import type { CommonHeaders } from "./answer.ts";

/** What every route of an RPC stands on. */
export interface RouteContext {
  readonly admit: Admit;
  readonly headers: CommonHeaders;
  readonly invoker: Invoker;
  readonly log: Logger;
  /** Aborted when the edge stops: streams end then. */
  readonly stopping: AbortSignal;
}
