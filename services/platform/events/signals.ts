import type { EventTransport } from "./transport.ts";

/** Ids in one message: 8 KiB of them. */
const mostTogether = 1_024;

const idLength = 8;

/**
 * Tells all replicas of a service that something has become of things that they know by id: within milliseconds, also
 * those in other processes where there is NATS. A signal is sent after the commit that it is about, and may get lost: it
 * says where to look, and whoever must not miss anything looks now and then without.
 */
export class Signals {
  private readonly service: string;
  private readonly transport: EventTransport;

  constructor(service: string, transport: EventTransport) {
    this.service = service;
    this.transport = transport;
  }

  /** Tells of some ids, each from 0 on. A topic is unique in the service: `requests`. */
  send(topic: string, ids: readonly bigint[]): void {
    for (let start = 0; start < ids.length; start += mostTogether) {
      this.transport.signal(this.channelOf(topic), encode(ids.slice(start, start + mostTogether)));
    }
  }

  /** Has `heard` called with the ids that are told of, from now on. It may not throw. */
  listen(topic: string, heard: (ids: readonly bigint[]) => void): void {
    this.transport.onSignal(this.channelOf(topic), (payload) => heard(decode(payload)));
  }

  private channelOf(topic: string): string {
    return `${this.service}.${topic}`;
  }
}

function encode(ids: readonly bigint[]): Uint8Array {
  const bytes = Buffer.alloc(ids.length * idLength);
  for (const [index, id] of ids.entries()) bytes.writeBigUInt64BE(id, index * idLength);
  return bytes;
}

/** What is no list of ids was sent by nobody who is to be heard. */
function decode(payload: Uint8Array): bigint[] {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const ids: bigint[] = [];
  for (let at = 0; at + idLength <= bytes.length; at += idLength) ids.push(bytes.readBigUInt64BE(at));
  return ids;
}
