import { crc32, deflateSync } from "node:zlib";
import sharp from "sharp";

/** A picture of one colour, as a file. */
export function picture(format: "jpeg" | "png" | "gif", width = 800, height = 600, background = "#ff8800") {
  const made = sharp({ create: { width, height, channels: 3, background } });
  return made.toFormat(format).toBuffer();
}

/** An svg with something in it. */
export function svg(
  inside = '<rect width="800" height="500" fill="#ff8800"/>',
  attributes = 'width="800" height="500"',
) {
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ${attributes}>${inside}</svg>`,
  );
}

/** A picture as long as it is asked to be: what is behind its end does not show. */
export async function pictureOfLength(length: number): Promise<Buffer> {
  const file = Buffer.alloc(length);
  (await picture("jpeg")).copy(file);
  return file;
}

/** What a png says of itself. */
export interface PngHead {
  readonly width: number;
  readonly height: number;
  /** 1 to 16 bits a channel. */
  readonly depth?: number;
  /** 0 grey, 2 colours, 6 colours and alpha. */
  readonly colour?: 0 | 2 | 6;
  readonly isInterlaced?: boolean;
}

const pngSignature = Buffer.from("89504e470d0a1a0a", "hex");
const channelsOf = { 0: 1, 2: 3, 6: 4 } as const;

/** A png whose head says what it is told to, with further chunks, and with as many zero bytes of pixels as asked for. */
export function png(head: PngHead, chunks: readonly Buffer[] = [], pixelBytes = pixelBytesOf(head)): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(head.width, 0);
  header.writeUInt32BE(head.height, 4);
  header.set([head.depth ?? 1, head.colour ?? 0, 0, 0, head.isInterlaced ? 1 : 0], 8);
  const data = deflateSync(Buffer.alloc(pixelBytes));
  return Buffer.concat([
    pngSignature,
    pngChunk("IHDR", header),
    ...chunks,
    pngChunk("IDAT", data),
    pngChunk("IEND", Buffer.alloc(0)),
  ]);
}

/** A chunk of a png (ISO 15948, 5.3). */
export function pngChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

function pixelBytesOf({ width, height, depth = 1, colour = 0 }: PngHead): number {
  return (Math.ceil((width * depth * channelsOf[colour]) / 8) + 1) * height;
}

/** A gif that says how large it and its frames are, each of which has one pixel. */
export function gif(width: number, height: number, frames = 1): Buffer {
  const head = Buffer.from("GIF89a\0\0\0\0\x80\0\0\xff\x88\0\0\0\0", "latin1");
  const frame = Buffer.from("21f904000a0000002c0000000000000000000202440100", "hex");
  for (const [part, at] of [
    [head, 6],
    [frame, 13],
  ] as const) {
    part.writeUInt16LE(width, at);
    part.writeUInt16LE(height, at + 2);
  }
  return Buffer.concat([head, ...Array<Buffer>(frames).fill(frame), Buffer.from(";")]);
}

/** A jpeg whose head says that it is larger than it is. */
export async function jpegThatSays(width: number, height: number): Promise<Buffer> {
  const file = Buffer.from(await picture("jpeg", 16, 16));
  // The frame header (ITU-T T.81, B.2.2): marker, length, precision, height, width.
  const frame = file.findIndex(
    (byte, index) => byte === 0xff && (file[index + 1] === 0xc0 || file[index + 1] === 0xc2),
  );
  file.writeUInt16BE(height, frame + 5);
  file.writeUInt16BE(width, frame + 7);
  return file;
}
