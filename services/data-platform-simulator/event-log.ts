/** An event, as the stand-in has taken it. */
export interface TakenEvent {
  /** Its `webhook-id`. */
  readonly id: string;
  readonly type: string;
  /** When it happened, ISO 8601. */
  readonly timestamp: string;
  readonly data: unknown;
  /** When it first came, ISO 8601. */
  readonly received_at: string;
  /** How often it has come again. */
  repeats: number;
}

/** The stand-in forgets the oldest when it has more; one that comes again after that counts as new. */
const mostEvents = 100_000;

/** What has come, in order of arrival; an event that comes again is known by its id. */
export class EventLog {
  private readonly events = new Map<string, TakenEvent>();

  list(): TakenEvent[] {
    return [...this.events.values()];
  }

  /** Takes an event; undefined where the body is none. */
  take(id: string, body: Uint8Array): TakenEvent | undefined {
    const known = this.events.get(id);
    if (known) {
      known.repeats++;
      return known;
    }
    const content = contentOf(body);
    if (!content) return undefined;
    const event = { id, ...content, received_at: new Date().toISOString(), repeats: 0 };
    this.events.set(id, event);
    if (this.events.size > mostEvents) this.forgetOldest();
    return event;
  }

  /** As after a loss: what is sent again is new. */
  clear(): void {
    this.events.clear();
  }

  private forgetOldest(): void {
    const oldest = this.events.keys().next();
    if (!oldest.done) this.events.delete(oldest.value);
  }
}

function contentOf(body: Uint8Array): Pick<TakenEvent, "type" | "timestamp" | "data"> | undefined {
  try {
    const { type, timestamp, data } = JSON.parse(Buffer.from(body).toString("utf8"));
    return typeof type === "string" && typeof timestamp === "string" ? { type, timestamp, data } : undefined;
  } catch {
    return undefined;
  }
}
