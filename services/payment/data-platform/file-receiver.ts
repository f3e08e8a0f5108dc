import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { Lane } from "../../platform/lane.ts";
import { type Answer, type Delivery, idOf } from "./delivery.ts";
import type { Receiver } from "./receiver.ts";

const newline = "\n".charCodeAt(0);

/**
 * A file in the place of the data platform, where there is none: a line of JSON for each delivery, its body with its
 * `id`. It is on the disk when it is answered. As the platform does, it may get a delivery twice.
 */
export class FileReceiver implements Receiver {
  private readonly path: string;
  /** What comes at the same time is written together. */
  private readonly lines = new Lane<string, undefined>(async (lines) => {
    await this.append(lines);
    return lines.map(() => ({ answer: undefined }));
  });

  constructor(path: string) {
    this.path = path;
  }

  async take(delivery: Delivery): Promise<Answer> {
    try {
      await this.lines.submit(lineOf(delivery));
      return { kind: "taken" };
    } catch (error) {
      return { kind: "unreachable", error: String(error) };
    }
  }

  /** Writing does not take long. */
  abandon(): void {}

  private async append(lines: readonly string[]): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    const file = await open(this.path, "a+", 0o600);
    try {
      const { size } = await file.stat();
      const { buffer } = await file.read({ buffer: Buffer.alloc(1, newline), position: Math.max(0, size - 1) });
      // A process that was killed may have left half a line.
      const start = buffer[0] === newline ? "" : "\n";
      await file.appendFile(start + lines.join(""));
      await file.datasync();
    } finally {
      await file.close();
    }
  }
}

/** The body is a JSON object, and never an empty one. */
function lineOf(delivery: Delivery): string {
  return `{"id":"${idOf(delivery)}",${Buffer.from(delivery.body).subarray(1).toString("utf8")}\n`;
}
