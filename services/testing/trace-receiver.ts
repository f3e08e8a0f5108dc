import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

/** A span as OTLP/JSON has it, and the service that has sent it. */
export interface ReceivedSpan {
  readonly service: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  /** 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
  readonly attributes: readonly Attribute[];
}

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: number };
}

interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly Omit<ReceivedSpan, "service">[] }[];
  }[];
}

/** What stands where an operator's collector of traces would: takes OTLP/HTTP in JSON. */
export class TraceReceiver {
  readonly spans: ReceivedSpan[] = [];
  private readonly server = createServer(async (request, response) => {
    if (request.url === "/v1/traces") this.take((await json(request)) as Export);
    response.setHeader("content-type", "application/json").end("{}");
  });

  /** Listens, and answers the endpoint to send to. */
  async start(): Promise<string> {
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Waits until a span like this has come; throws where none has within 30 s. */
  async span(isIt: (span: ReceivedSpan) => boolean): Promise<ReceivedSpan> {
    const until = Date.now() + 30_000;
    while (Date.now() < until) {
      const found = this.spans.find(isIt);
      if (found) return found;
      await sleep(20);
    }
    throw new Error(`No such span: ${isIt}; but ${this.spans.map(({ name }) => name).join(", ")}`);
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private take({ resourceSpans }: Export): void {
    for (const { resource, scopeSpans } of resourceSpans) {
      const service = resource.attributes.find(({ key }) => key === "service.name")?.value.stringValue ?? "";
      for (const span of scopeSpans.flatMap(({ spans }) => spans)) this.spans.push({ service, ...span });
    }
  }
}
