import { BadPicture } from "./errors.ts";

/** What a picture may be uploaded as. */
export type PictureFormat = "jpeg" | "png" | "gif" | "svg";

/** How large a picture may be, in pixels. Told from its head, before the rest of it is decoded. */
export const mostPixels = 40_000_000;

/** What is made of an upload. */
export const pictureFiles = ["full", "card", "thumb"] as const;
export type PictureFile = (typeof pictureFiles)[number];

/** What each of them fits into, in pixels; none is enlarged. */
export const boxes: Readonly<Record<PictureFile, { readonly width: number; readonly height: number }>> = {
  full: { width: 1_920, height: 1_200 },
  card: { width: 640, height: 400 },
  thumb: { width: 200, height: 200 },
};

/** How far into a file the root of an svg is looked for, in bytes. */
const longestProlog = 4_096;

/** Says what a file is, by its bytes and nothing else. Throws BadPicture where it is not one that may be uploaded. */
export function formatOf(bytes: Uint8Array): PictureFormat {
  if (bytes.length === 0) throw new BadPicture("empty");
  if (startsWith(bytes, [0xff, 0xd8, 0xff])) return "jpeg";
  if (startsWith(bytes, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return "png";
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (/^GIF8[79]a$/.test(text.toString("latin1", 0, 6))) return "gif";
  if (!isSvg(text.toString("utf8", 0, longestProlog))) throw new BadPicture("format");
  // Pictures have no need of them, and bombs are made of them.
  if (text.includes("<!ENTITY")) throw new BadPicture("entities");
  return "svg";
}

/** Whether a text is XML whose root is `svg`, whatever stands before that: declarations, comments, a document type. */
function isSvg(text: string): boolean {
  const prolog = /\s+|<\?[^>]*\?>|<!--[\s\S]*?-->|<!DOCTYPE[^>[]*(?:\[[^\]]*\]\s*)?>/y;
  prolog.lastIndex = text.startsWith("\ufeff") ? 1 : 0;
  let root = prolog.lastIndex;
  while (prolog.test(text)) root = prolog.lastIndex;
  return /^<svg[\s/>]/.test(text.slice(root, root + 5));
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, index) => bytes[index] === byte);
}
