import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { getCompileCacheDir } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { Unavailable } from "../../platform/refusal.ts";
import { BadPicture, type PictureProblem } from "./domain/errors.ts";
import type { PictureFile, PictureFormat } from "./domain/picture.ts";

/** What the child is sent. */
export interface ConversionRequest {
  readonly bytes: Uint8Array;
  readonly format: PictureFormat;
  /** In bytes, of the whole process. */
  readonly memoryLimit: number;
}

/** A picture in every size, as webp. */
export type ConvertedPicture = Readonly<Record<PictureFile, Uint8Array>>;

/** What the child answers; `ready` is its first word. */
export type ConversionAnswer =
  | { readonly kind: "ready" }
  | { readonly kind: "converted"; readonly picture: ConvertedPicture }
  | { readonly kind: "refused"; readonly problem: PictureProblem };

/** What a conversion may cost. */
export interface ConversionLimits {
  readonly timeMs: number;
  /** In bytes. */
  readonly memory: number;
}

/** The largest that are honest take a second or two, and 400 MB. */
export const usualLimits: ConversionLimits = { timeMs: 7_000, memory: 768 * 1_048_576 };

const script = fileURLToPath(new URL("./conversion-child.ts", import.meta.url));

/** How much of what a child says of its death is kept, in characters. */
const mostLastWords = 2_000;

/** Signals that a process is ended with by others, and not by what it does. */
const fromOutside: ReadonlySet<string | null> = new Set(["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP"]);

/**
 * Converts a picture in a process of its own, which knows no secret and is killed at its limits: what decoders do with
 * hostile bytes stays there. Throws BadPicture for what cannot be shown, and Unavailable where the process was killed,
 * or the caller has gone.
 */
export async function convertPicture(
  bytes: Uint8Array,
  format: PictureFormat,
  limits: ConversionLimits,
  gone: AbortSignal,
): Promise<ConvertedPicture> {
  if (gone.aborted) throw new Unavailable();
  const child = fork(script, [], {
    env: { UV_THREADPOOL_SIZE: "1", ...compileCache() },
    execArgv: ["--max-old-space-size=64"],
    serialization: "advanced",
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  const timeUp = AbortSignal.timeout(limits.timeMs);
  const kill = () => child.kill("SIGKILL");
  const stop = AbortSignal.any([timeUp, gone]);
  stop.addEventListener("abort", kill);
  try {
    return await outcomeOf(child, { bytes, format, memoryLimit: limits.memory });
  } catch (error) {
    if (timeUp.aborted) throw new BadPicture("time");
    if (gone.aborted) throw new Unavailable();
    throw error;
  } finally {
    stop.removeEventListener("abort", kill);
    kill();
  }
}

/** Half of what a small picture takes is to compile what converts it, unless another child has. */
function compileCache(): { readonly NODE_COMPILE_CACHE?: string } {
  const directory = getCompileCacheDir();
  // It is the directory's part for this version of Node.
  return directory === undefined ? {} : { NODE_COMPILE_CACHE: dirname(directory) };
}

async function outcomeOf(child: ChildProcess, request: ConversionRequest): Promise<ConvertedPicture> {
  const lastWords = lastWordsOf(child);
  const exit = once(child, "exit");
  let isReady = false;
  const answered = new Promise<Exclude<ConversionAnswer, { kind: "ready" }>>((resolve) => {
    child.on("message", (answer: ConversionAnswer) => {
      if (answer.kind !== "ready") return resolve(answer);
      isReady = true;
      // It may have died meanwhile, which its exit tells.
      child.send(request, () => undefined);
    });
  });
  const answer = await Promise.race([answered, exit]);
  if ("kind" in answer) {
    if (answer.kind === "refused") throw new BadPicture(answer.problem);
    return answer.picture;
  }
  const [code, signal] = answer as [number | null, NodeJS.Signals | null];
  if (fromOutside.has(signal)) throw new Unavailable();
  // What has crashed it is the picture, unless it did not come as far as that.
  if (isReady) throw new BadPicture("unreadable");
  throw new Error(`The conversion of pictures does not start (${code ?? signal}): ${lastWords()}`);
}

function lastWordsOf({ stderr }: ChildProcess): () => string {
  let words = "";
  stderr?.setEncoding("utf8").on("data", (text: string) => {
    words = (words + text).slice(-mostLastWords);
  });
  return () => words;
}
