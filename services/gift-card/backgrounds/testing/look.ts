import sharp from "sharp";
import type { ConvertedPicture } from "../conversion.ts";

/** Of every file of a picture its format and its size, and what else should not be there. */
export async function sizesOf(converted: ConvertedPicture) {
  const sizes: Record<string, string> = {};
  for (const [file, bytes] of Object.entries(converted)) {
    const { format, width, height, exif, icc, xmp, pages } = await sharp(bytes).metadata();
    sizes[file] =
      `${format} ${width}x${height}${exif || icc || xmp ? " with metadata" : ""}${pages ? ` ${pages} pages` : ""}`;
  }
  return sizes;
}

/** The colour in the middle. */
export async function colourOf(bytes: Uint8Array): Promise<number[]> {
  const { data, info } = await sharp(bytes).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const middle = (Math.floor(info.height / 2) * info.width + Math.floor(info.width / 2)) * info.channels;
  return [...data.subarray(middle, middle + 3)];
}

/** Whether a colour is another one, as nearly as lossy formats keep it. */
export function isNear(colour: readonly number[], expected: readonly number[], by = 12): boolean {
  return expected.every((value, index) => Math.abs(value - (colour[index] ?? -999)) <= by);
}

export const orange = [255, 136, 0];
