import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import test from "ava";
import sharp from "sharp";
import { type ConvertedPicture, convertPicture, usualLimits } from "./conversion.ts";
import { BadPicture, type PictureProblem } from "./domain/errors.ts";
import { formatOf } from "./domain/picture.ts";
import { colourOf, isNear, orange, sizesOf } from "./testing/look.ts";
import { gif, jpegThatSays, picture, png, pngChunk, svg } from "./testing/pictures.ts";

const patient = { ...usualLimits, timeMs: 30_000 };

async function convert(bytes: Uint8Array): Promise<ConvertedPicture> {
  return convertPicture(bytes, formatOf(bytes), patient, new AbortController().signal);
}

const packed = deflateSync(Buffer.alloc(300_000_000));
/** A chunk that becomes 300 MB where somebody unpacks it. */
const bomb = (type: string) => pngChunk(type, Buffer.concat([Buffer.from("a\0\0"), packed]));
const whole = await picture("png");
const photo = await sharp({
  create: {
    width: 400,
    height: 400,
    channels: 3,
    background: "#fff",
    noise: { type: "gaussian", mean: 128, sigma: 60 },
  },
})
  .jpeg()
  .toBuffer();

const entities = (declarations: string, inside: string) =>
  Buffer.from(
    `<?xml version="1.0"?><!DOCTYPE svg [${declarations}]><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">${inside}</svg>`,
  );
const laughs = Array.from({ length: 10 }, (_, i) => `<!ENTITY a${i + 1} "${`&a${i};`.repeat(10)}">`).join("");
const uses = Array.from(
  { length: 12 },
  (_, i) => `<g id="a${i + 1}">${`<use xlink:href="#a${i}"/>`.repeat(10)}</g>`,
).join("");

const refused: readonly [what: string, bytes: Uint8Array, ...problems: PictureProblem[]][] = [
  ["nothing", Buffer.alloc(0), "empty"],
  ["one byte", Buffer.from([0xff]), "format"],
  ["text", Buffer.from("a picture"), "format"],
  ["HTML", Buffer.from("<!doctype html><html><svg xmlns='http://www.w3.org/2000/svg'></svg></html>"), "format"],
  ["HTML that begins as a comment", Buffer.from("<!-- <svg > --><html></html>"), "format"],
  ["a webp", await sharp(whole).webp().toBuffer(), "format"],
  ["a tiff", await sharp(whole).tiff().toBuffer(), "format"],
  ["a pdf", Buffer.from("%PDF-1.7\n"), "format"],
  ["a postscript", Buffer.from("%!PS-Adobe-3.0\n"), "format"],
  ["an svg with a prefix", Buffer.from('<s:svg xmlns:s="http://www.w3.org/2000/svg" width="9" height="9"/>'), "format"],
  ["an svg in UTF-16", Buffer.from(svg().toString(), "utf16le"), "format"],
  ["the magic of a jpeg and no more", Buffer.from([0xff, 0xd8, 0xff]), "unreadable"],
  ["the magic of a png and no more", whole.subarray(0, 8), "unreadable"],
  ["the magic of a gif and no more", Buffer.from("GIF89a"), "unreadable"],
  ["the magic of a jpeg before a png", Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), whole]), "unreadable"],
  ["a jpeg that is cut off", photo.subarray(0, photo.length / 2), "unreadable"],
  ["a png that is cut off", (await sharp(photo).png().toBuffer()).subarray(0, 50_000), "unreadable"],
  ["a gif that is cut off", (await sharp(photo).gif().toBuffer()).subarray(0, 400), "unreadable"],
  ["an svg that is cut off", svg().subarray(0, 100), "unreadable"],
  ["a png of noise behind its head", Buffer.concat([whole.subarray(0, 40), photo]), "unreadable"],
  [
    "a png that says 65,000 x 65,000",
    png({ width: 65_000, height: 65_000, depth: 8, colour: 6 }, [], 1_000_000),
    "pixels",
  ],
  [
    "a png that says 2^31 - 1 pixels a side",
    png({ width: 2 ** 31 - 1, height: 2 ** 31 - 1 }, [], 1_000),
    "pixels",
    "unreadable",
  ],
  ["a gif that says 65,535 x 65,535", gif(65_535, 65_535), "pixels"],
  ["a jpeg that says 65,000 x 65,000", await jpegThatSays(65_000, 65_000), "pixels"],
  ["an svg that says 100,000 x 100,000", svg("", 'width="100000" height="100000"'), "pixels"],
  ["an svg that says 10^12 x 10^12", svg("", 'width="1e12" height="1e12"'), "pixels", "unreadable"],
  ["an svg of no size", svg("", 'width="0" height="0"'), "unreadable"],
  ["a billion laughs", entities(`<!ENTITY a0 "lol">${laughs}`, "<text>&a10;</text>"), "entities"],
  ["an external entity", entities('<!ENTITY x SYSTEM "file:///etc/passwd">', "<text>&x;</text>"), "entities"],
  ["an external parameter entity", entities('<!ENTITY % x SYSTEM "http://127.0.0.1:1/x"> %x;', ""), "entities"],
  ["a trillion uses", svg(`<g id="a0"><rect width="9" height="9"/></g>${uses}`), "unreadable", "time"],
];

const polyglots = [
  ["HTML", Buffer.concat([whole, Buffer.from("<script>alert(1)</script>")])],
  ["a zip archive", Buffer.concat([photo, Buffer.from("PK\x03\x04evil.jar")])],
  [
    "a script in its comment",
    await sharp(photo)
      .withExif({ IFD0: { ImageDescription: "<script>alert(1)</script>" } })
      .toBuffer(),
  ],
] as const;

for (const [what, bytes, ...problems] of refused) {
  test.serial(`${what} is refused: ${problems.join(" or ")}`, async (t) => {
    const { problem } = await t.throwsAsync(convert(bytes), { instanceOf: BadPicture });
    t.true(problems.includes(problem), problem);
  });
}

const harmless: readonly [what: string, bytes: Uint8Array][] = [
  ["a script", svg('<script>alert(1)</script><rect width="800" height="500" fill="#ff8800" onload="alert(1)"/>')],
  [
    "a page within",
    svg(
      '<rect width="800" height="500" fill="#ff8800"/><foreignObject width="9" height="9"><body xmlns="http://www.w3.org/1999/xhtml"><iframe src="http://127.0.0.1"/></body></foreignObject>',
    ),
  ],
  [
    "declarations and comments before",
    Buffer.concat([
      Buffer.from(
        "\ufeff<?xml version='1.0' encoding='UTF-8'?>\n<!-- a > b -->\n<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd\">\n",
      ),
      svg(),
    ]),
  ],
];
for (const [what, bytes] of harmless) {
  test.serial(`an svg with ${what} becomes a picture, of which nothing else is left`, async (t) => {
    const converted = await convert(bytes);
    for (const one of Object.values(converted)) {
      t.is((await sharp(one).metadata()).format, "webp");
      t.true(isNear(await colourOf(one), orange));
      t.false(/alert|script|iframe|svg/.test(Buffer.from(one).toString("latin1")));
    }
  });
}

for (const [what, bytes] of polyglots) {
  test.serial(`a picture that is ${what} too is only a picture then`, async (t) => {
    for (const one of Object.values(await convert(bytes))) {
      t.false(/alert|evil/.test(Buffer.from(one).toString("latin1")));
    }
  });
}

test.serial("what a png has packed beside its pixels is not unpacked at length", async (t) => {
  for (const type of ["zTXt", "iCCP", "iTXt"]) {
    const converted = await convert(png({ width: 20, height: 10, depth: 8, colour: 2 }, [bomb(type)])).catch(
      (error) => error,
    );
    if (converted instanceof BadPicture) t.pass();
    else t.like(await sizesOf(converted), { full: "webp 20x10" });
  }
});

test.serial("of a gif with a hundred thousand pictures one is decoded", async (t) => {
  t.like(await sizesOf(await convert(gif(30, 20, 100_000))), { full: "webp 30x20" });
});

test.serial("nothing that an svg points at is fetched or read", async (t) => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(String(request.url));
    response.end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const there = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const directory = mkdtempSync(join(tmpdir(), "giftmesh-svg-"));
  writeFileSync(join(directory, "blue.svg"), svg('<rect id="r" width="800" height="500" fill="#0000ff"/>'));
  writeFileSync(join(directory, "blue.png"), await picture("png", 800, 500, "#0000ff"));
  const orangeRect = '<rect width="800" height="500" fill="#ff8800"/>';
  const size = 'width="800" height="500"';
  for (const [kind, inside] of Object.entries({
    image: `<image ${size} href="${there}/image.png"/><image ${size} xlink:href="${there}/image.svg"/>`,
    file: `<image ${size} href="file://${directory}/blue.png"/><image ${size} href="${directory}/blue.svg"/>`,
    use: `<use href="${there}/use.svg#r"/><use href="file://${directory}/blue.svg#r"/>`,
    style: `<style>@import url("${there}/a.css"); rect { fill: url("${there}/fill.svg#r") #ff8800 }</style>`,
    font: `<style>@font-face { font-family: f; src: url("${there}/f.woff") }</style><text font-family="f">a</text>`,
    filter: `<filter id="f"><feImage href="${there}/fe.png"/></filter><rect width="1" height="1" filter="url(#f)"/>`,
    include: `<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file://${directory}/blue.svg"/>`,
    includedText: `<text><xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/></text>`,
  })) {
    for (const bytes of [
      svg(orangeRect + inside),
      Buffer.concat([
        Buffer.from(`<?xml-stylesheet href="${there}/x.css"?><!DOCTYPE svg SYSTEM "${there}/x.dtd">`),
        svg(orangeRect + inside),
      ]),
    ]) {
      const converted = await convert(bytes).catch((error) => error);
      if (converted instanceof BadPicture) continue;
      t.true(isNear(await colourOf(converted.full), orange), kind);
    }
  }
  server.close();
  rmSync(directory, { recursive: true });
  t.deepEqual(asked, []);
});
