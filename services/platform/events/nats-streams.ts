import { setTimeout as sleep } from "node:timers/promises";
import { type JetStreamManager, NatsError, nanos, type StreamConfig, type StreamInfo } from "nats";
import { sentKeptForMs } from "./retention.ts";

const dayMs = 24 * 3_600_000;

const streamNotFound = 10_059;

/** What the stream of a mesh is to be. */
export interface MeshStream {
  readonly name: string;
  readonly prefix: string;
  /** The server discards an event that it was given less than so long ago, in milliseconds. */
  readonly duplicateWindowMs: number;
  /** How long to wait, in milliseconds, before one that is not there is made; 0 where there was none before. */
  readonly makeAfterMs: number;
}

/** A stream that has some of the mesh's events for longer than the mesh's own, for whoever wants to read them anew. */
export interface LongKept {
  /** It is named after the mesh's stream and this: `GIFTMESH_ORDERS`. */
  readonly name: string;
  /** What it has, without the prefix: `order.>`. */
  readonly subjects: string;
  readonly days: number;
}

/**
 * The stream of a mesh as it is, made if it is not there.
 *
 * One that is made begins with a number that is higher than any that a stream before it had, in microseconds since 1970:
 * a stream that copies it would take lower ones for what it has already. Only after that is it given its subjects, so
 * that nothing is in it before. Whoever comes upon one that is half made goes on with it, to the same number.
 */
export async function ensureMeshStream(manager: JetStreamManager, stream: MeshStream): Promise<StreamInfo> {
  const { name, prefix, duplicateWindowMs, makeAfterMs } = stream;
  const subjects = [`${prefix}.>`];
  const inTheMaking = [`${prefix}-stream-in-the-making`];
  const config = {
    name,
    subjects: inTheMaking,
    max_age: nanos(sentKeptForMs),
    duplicate_window: nanos(duplicateWindowMs),
  };
  const info = await ensureStream(manager, config, makeAfterMs);
  if (info.config.subjects?.[0] !== inTheMaking[0]) return info;
  await manager.streams.purge(name, { seq: Date.parse(info.created) * 1_000 });
  return manager.streams.update(name, { subjects });
}

/** Makes a stream that copies some of a mesh's events from its stream, unless it is there. */
export async function ensureLongKept(
  manager: JetStreamManager,
  { name, prefix }: Pick<MeshStream, "name" | "prefix">,
  longKept: LongKept,
): Promise<void> {
  await ensureStream(manager, {
    name: `${name}_${longKept.name}`,
    sources: [{ name, filter_subject: `${prefix}.${longKept.subjects}` }],
    max_age: nanos(longKept.days * dayMs),
  });
}

async function ensureStream(
  manager: JetStreamManager,
  config: Partial<StreamConfig> & { readonly name: string },
  makeAfterMs = 0,
): Promise<StreamInfo> {
  try {
    return await manager.streams.info(config.name);
  } catch (error) {
    if (!(error instanceof NatsError) || error.jsError()?.err_code !== streamNotFound) throw error;
    if (makeAfterMs === 0) return manager.streams.add(config);
  }
  await sleep(makeAfterMs);
  return ensureStream(manager, config);
}
