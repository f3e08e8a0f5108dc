/**
 * Traces, kept only where the process is told where to send them; where not, a span costs the look at one variable. The
 * context goes along in `Call.trace` from call to call, and as W3C Trace Context between processes.
 */

import {
  type Attributes,
  type Context,
  DiagLogLevel,
  diag,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import type { Logger } from "pino";
import { Refusal } from "./refusal.ts";
import type { Call } from "./rpc/call.ts";

/** How long the receiver of traces may take to answer, in milliseconds. */
const exportTimeoutMs = 2_000;

/** How long spans wait for others to leave with, in milliseconds. */
const gatherMs = 1_000;

/** Set while traces are kept: OpenTelemetry has one for a process, and so have we. */
let tracer: Tracer | undefined;

/** What a span says of its work: nothing that may be secret, and names that do not tell one caller from another. */
export interface SpanDescription {
  readonly name: string;
  readonly kind: SpanKind;
  /** By OpenTelemetry's semantic conventions. */
  readonly attributes: Attributes;
}

/** Does work in a span of its own within the call's trace. Where no traces are kept, it just does the work. */
export function inSpan<T>(describe: () => SpanDescription, call: Call, work: (call: Call) => Promise<T>): Promise<T> {
  const parent = call.trace ?? ROOT_CONTEXT;
  const span = startSpan(describe, parent);
  return span ? spanning(span, call.with({ trace: trace.setSpan(parent, span) }), work) : work(call);
}

/** The same for work that yields: its span ends with it, or when nobody reads on. */
export async function* streamInSpan<T>(
  describe: () => SpanDescription,
  call: Call,
  work: (call: Call) => AsyncIterable<T>,
): AsyncIterable<T> {
  const parent = call.trace ?? ROOT_CONTEXT;
  const span = startSpan(describe, parent);
  if (!span) return yield* work(call);
  try {
    yield* work(call.with({ trace: trace.setSpan(parent, span) }));
  } catch (error) {
    blame(span, error);
    throw error;
  } finally {
    span.end();
  }
}

/** Whether traces are kept. */
export function isTracing(): boolean {
  return tracer !== undefined;
}

/** Starts a span, which its owner is to end; undefined where no traces are kept. */
export function startSpan(describe: () => SpanDescription, parent = ROOT_CONTEXT): Span | undefined {
  if (!tracer) return undefined;
  const { name, kind, attributes } = describe();
  return tracer.startSpan(name, { kind, attributes }, parent);
}

/** The id of the trace that a context is in, for logs; undefined where it is in none. */
export function traceIdOf(context: Context | undefined): string | undefined {
  return context && trace.getSpanContext(context)?.traceId;
}

async function spanning<T>(span: Span, call: Call, work: (call: Call) => Promise<T>): Promise<T> {
  try {
    return await work(call);
  } catch (error) {
    blame(span, error);
    throw error;
  } finally {
    span.end();
  }
}

/** Messages may hold what somebody has typed in; reasons and names do not. */
function blame(span: Span, error: unknown): void {
  span.setAttribute("error.type", error instanceof Error && "reason" in error ? String(error.reason) : nameOf(error));
  if (!(error instanceof Refusal) || error.kind === "unavailable") span.setStatus({ code: SpanStatusCode.ERROR });
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "_OTHER";
}

/**
 * Keeps traces from now on and sends them to an OTLP/HTTP endpoint; one mesh of a process may. Answers how to send what
 * is left and to end that.
 */
export async function startTracing(endpoint: string, serviceName: string, log: Logger): Promise<() => Promise<void>> {
  const [{ W3CTraceContextPropagator }, { OTLPTraceExporter }, { resourceFromAttributes }, sdk] = await Promise.all([
    import("@opentelemetry/core"),
    import("@opentelemetry/exporter-trace-otlp-http"),
    import("@opentelemetry/resources"),
    import("@opentelemetry/sdk-trace"),
  ]);
  const tell = (message: string) => log.warn({ about: message }, "Traces are not sent as they should be");
  diag.setLogger({ error: tell, warn: tell, info() {}, debug() {}, verbose() {} }, DiagLogLevel.WARN);
  const exporter = new OTLPTraceExporter({ url: tracesUrl(endpoint), timeoutMillis: exportTimeoutMs });
  const options = { exporter, scheduledDelayMillis: gatherMs, exportTimeoutMillis: exportTimeoutMs };
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({ "service.namespace": "giftmesh", "service.name": serviceName }),
    spanProcessors: [new sdk.BatchSpanProcessor(options)],
  });
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  tracer = provider.getTracer("giftmesh");
  return async () => {
    tracer = undefined;
    propagation.disable();
    await provider.shutdown().catch((error) => tell(String(error)));
    diag.disable();
  };
}

/** The endpoint is a base that `v1/traces` comes after (OTLP, "Endpoint URLs for OTLP/HTTP"). */
function tracesUrl(endpoint: string): string {
  return `${endpoint.replace(/\/$/, "")}/v1/traces`;
}
