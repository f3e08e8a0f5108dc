// The process that pictures are decoded in. It has one picture, and is gone with it.
import { flushCompileCache } from "node:module";
import sharp, { type Sharp } from "sharp";
import type { ConversionAnswer, ConversionRequest, ConvertedPicture } from "./conversion.ts";
import { boxes, mostPixels, type PictureFile, type PictureFormat } from "./domain/picture.ts";

/** How often the memory is looked at, in milliseconds. Decoding is on another thread. */
const lookEveryMs = 10;

const quality = 82;

/** Only these decoders, of the many that libvips has, are let at the bytes. */
const decoders: Readonly<Record<PictureFormat, string>> = {
  jpeg: "VipsForeignLoadJpeg",
  png: "VipsForeignLoadPng",
  gif: "VipsForeignLoadNsgif",
  svg: "VipsForeignLoadSvg",
};

async function convert({ bytes, format }: ConversionRequest): Promise<ConversionAnswer> {
  sharp.unblock({ operation: [decoders[format]] });
  const { width, height } = await sharp(bytes, { limitInputPixels: false }).metadata();
  if (width * height > mostPixels) return { kind: "refused", problem: "pixels" };
  // Decoded once, the picture that the smaller ones are made of is small enough to hold.
  const decoded = sharp(bytes, { limitInputPixels: mostPixels, failOn: "error", sequentialRead: true });
  const { data, info } = await within(decoded.autoOrient(), "full")
    .toColourspace("srgb")
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width: rawWidth, height: rawHeight, channels } = info;
  const picture: Partial<Record<PictureFile, Uint8Array>> = {};
  for (const file of Object.keys(boxes) as PictureFile[]) {
    const raw = sharp(data, { raw: { width: rawWidth, height: rawHeight, channels } });
    picture[file] = await within(raw, file).webp({ quality }).toBuffer();
  }
  return { kind: "converted", picture: picture as ConvertedPicture };
}

function within(picture: Sharp, file: PictureFile): Sharp {
  return picture.resize({ ...boxes[file], fit: "inside", withoutEnlargement: true });
}

function say(answer: ConversionAnswer): void {
  process.send?.(answer);
}

sharp.cache(false);
sharp.concurrency(1);
sharp.block({ operation: ["VipsForeignLoad"] });

process.once("disconnect", () => process.exit());
process.once("message", async (request: ConversionRequest) => {
  const looking = setInterval(() => {
    if (process.memoryUsage.rss() < request.memoryLimit) return;
    clearInterval(looking);
    process.send?.({ kind: "refused", problem: "memory" } satisfies ConversionAnswer, () => process.exit());
  }, lookEveryMs);
  say(await convert(request).catch(() => ({ kind: "refused", problem: "unreadable" }) as const));
});
// Now: it will be killed, and must not write once it has seen a picture.
flushCompileCache();
say({ kind: "ready" });
