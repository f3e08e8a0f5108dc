import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import sharp from "sharp";
import { Unavailable } from "../../platform/refusal.ts";
import { type ConvertedPicture, convertPicture, usualLimits } from "./conversion.ts";
import { Converter } from "./converter.ts";
import { BadPicture } from "./domain/errors.ts";
import { formatOf } from "./domain/picture.ts";
import { childrenOf } from "./testing/children.ts";
import { colourOf, isNear, orange, sizesOf } from "./testing/look.ts";
import { picture, png, svg } from "./testing/pictures.ts";

const never = new AbortController().signal;
const patient = { ...usualLimits, timeMs: 30_000 };
/** Takes its time. */
const large = await picture("png", 8_000, 4_000);

function convert(bytes: Uint8Array, limits = patient): Promise<ConvertedPicture> {
  return convertPicture(bytes, formatOf(bytes), limits, never);
}

const webp = (full: string, card: string, thumb: string) => ({
  full: `webp ${full}`,
  card: `webp ${card}`,
  thumb: `webp ${thumb}`,
});

for (const format of ["jpeg", "png", "gif"] as const) {
  test.serial(`a ${format} becomes webp in every size`, async (t) => {
    const converted = await convert(await picture(format, 4_000, 2_000));
    t.deepEqual(await sizesOf(converted), webp("1920x960", "640x320", "200x100"));
    for (const bytes of Object.values(converted)) t.true(isNear(await colourOf(bytes), orange));
  });
}

test.serial("an svg becomes a picture of the size that it states", async (t) => {
  const converted = await convert(svg());
  t.deepEqual(await sizesOf(converted), webp("800x500", "640x400", "200x125"));
  for (const bytes of Object.values(converted)) t.true(isNear(await colourOf(bytes), orange));
});

for (const [width, height, expected] of [
  [1, 1, webp("1x1", "1x1", "1x1")],
  [150, 100, webp("150x100", "150x100", "150x100")],
  [640, 400, webp("640x400", "640x400", "200x125")],
  [400, 1_300, webp("369x1200", "123x400", "62x200")],
  [16_000, 3, webp("1920x1", "640x1", "200x1")],
] as const) {
  test.serial(`a picture of ${width} x ${height} is made smaller where it must, and never larger`, async (t) => {
    t.deepEqual(await sizesOf(await convert(await picture("png", width, height))), expected);
  });
}

test.serial("a picture is turned as its metadata says, and the metadata are gone", async (t) => {
  const taken = await sharp(await picture("jpeg", 300, 100))
    .withExif({ IFD0: { Copyright: "Somebody", ImageDescription: "Where I live" } })
    .withMetadata({ orientation: 6 })
    .toBuffer();
  t.is((await sharp(taken).metadata()).orientation, 6);
  const converted = await convert(taken);
  t.deepEqual(await sizesOf(converted), webp("100x300", "100x300", "67x200"));
  for (const bytes of Object.values(converted)) t.false(Buffer.from(bytes).includes("Where I live"));
});

test.serial("a jpeg in the colours of print has those of a screen", async (t) => {
  const cmyk = await sharp(await picture("jpeg"))
    .toColourspace("cmyk")
    .jpeg()
    .toBuffer();
  t.is((await sharp(cmyk).metadata()).space, "cmyk");
  const { full } = await convert(cmyk);
  t.is((await sharp(full).metadata()).space, "srgb");
  t.true(isNear(await colourOf(full), orange, 60));
});

test.serial("a png of 16 bits, one of grey and one with a palette keep their colours", async (t) => {
  const wide = await sharp(await picture("png"))
    .toColourspace("rgb16")
    .png()
    .toBuffer();
  t.is((await sharp(wide).metadata()).depth, "ushort");
  t.true(isNear(await colourOf((await convert(wide)).full), orange));
  const grey = await sharp(await picture("png"))
    .greyscale()
    .png()
    .toBuffer();
  t.true(isNear(await colourOf((await convert(grey)).card), [160, 160, 160], 20));
  const palette = await sharp(await picture("png"))
    .png({ palette: true })
    .toBuffer();
  t.true(isNear(await colourOf((await convert(palette)).thumb), orange));
});

test.serial("what shows through a picture shows through what is made of it", async (t) => {
  const clear = await sharp({ create: { width: 50, height: 50, channels: 4, background: "#ff880000" } })
    .png()
    .toBuffer();
  const { data } = await sharp((await convert(clear)).card)
    .raw()
    .toBuffer({ resolveWithObject: true });
  t.is(data[3], 0);
});

test.serial("of an animated gif the first picture is taken", async (t) => {
  const frames = await Promise.all(["#ff8800", "#0000ff"].map((colour) => picture("png", 60, 40, colour)));
  const animated = await sharp(frames, { join: { animated: true } })
    .gif()
    .toBuffer();
  t.is((await sharp(animated, { animated: true }).metadata()).pages, 2);
  const converted = await convert(animated);
  t.deepEqual(await sizesOf(converted), webp("60x40", "60x40", "60x40"));
  t.true(isNear(await colourOf(converted.full), orange));
});

test.serial("40 megapixels are taken, and one more row is not", async (t) => {
  const head = { width: 8_000, height: 5_000 };
  t.deepEqual(await sizesOf(await convert(png(head))), webp("1920x1200", "640x400", "200x125"));
  t.is((await t.throwsAsync(convert(png({ ...head, height: 5_001 })), { instanceOf: BadPicture })).problem, "pixels");
});

test.serial("40 megapixels of the widest kind are converted within the usual limits", async (t) => {
  const bytes = png({ width: 8_000, height: 5_000, depth: 16, colour: 6 });
  t.deepEqual(
    await sizesOf(await convert(bytes, { ...usualLimits, timeMs: 20_000 })),
    webp("1920x1200", "640x400", "200x125"),
  );
});

test.serial("a conversion that takes too long is killed, and its caller told why", async (t) => {
  const before = Date.now();
  const slow = svg(
    '<filter id="f" x="0" y="0" width="1" height="1">' +
      '<feTurbulence baseFrequency="0.9" numOctaves="50"/><feGaussianBlur stdDeviation="90"/>'.repeat(300) +
      '</filter><rect filter="url(#f)" width="6000" height="6000"/>',
    'width="6000" height="6000"',
  );
  const { problem } = await t.throwsAsync(convert(slow, { ...usualLimits, timeMs: 2_000 }), { instanceOf: BadPicture });
  t.is(problem, "time");
  t.true(Date.now() - before < 15_000);
});

test.serial("a conversion that takes too much memory is ended, and its caller told why", async (t) => {
  const wide = png({ width: 8_000, height: 5_000, depth: 16, colour: 6 });
  const { problem } = await t.throwsAsync(convert(wide, { ...patient, memory: 60_000_000 }), {
    instanceOf: BadPicture,
  });
  t.is(problem, "memory");
});

test.serial("a conversion that is killed from outside is not the picture's fault", async (t) => {
  const children = childrenOf(process.pid);
  const converting = convert(large);
  const outcome = t.throwsAsync(converting, { instanceOf: Unavailable });
  for (let killed = 0; killed === 0; await sleep(5)) {
    for (const pid of childrenOf(process.pid)) {
      if (children.includes(pid)) continue;
      process.kill(pid, "SIGKILL");
      killed++;
    }
  }
  await outcome;
});

test.serial("nothing of the environment and of the secrets in it is known where pictures are decoded", async (t) => {
  const children = childrenOf(process.pid);
  const converting = convert(large);
  let environments: string[] = [];
  while (environments.length === 0) {
    environments = childrenOf(process.pid)
      .filter((pid) => !children.includes(pid))
      .map((pid) => readFileSync(`/proc/${pid}/environ`, "latin1"))
      .filter((text) => text.includes("UV_THREADPOOL_SIZE"));
    await sleep(5);
  }
  t.false(environments.join().includes("PATH="));
  await converting;
});

test.serial("who goes away is not converted for", async (t) => {
  const goner = new AbortController();
  const converting = convertPicture(large, "png", patient, goner.signal);
  await sleep(100);
  goner.abort();
  await t.throwsAsync(converting, { instanceOf: Unavailable });
  await t.throwsAsync(convertPicture(png({ width: 1, height: 1 }), "png", patient, goner.signal), {
    instanceOf: Unavailable,
  });
});

test.serial("many pictures take turns, and more than can wait are told to come again", async (t) => {
  const converter = new Converter(patient);
  const bytes = await picture("png", 300, 200);
  const outcomes = await Promise.allSettled(Array.from({ length: 24 }, () => converter.convert(bytes, "png", never)));
  t.is(outcomes.filter(({ status }) => status === "fulfilled").length, 18);
  for (const outcome of outcomes) if (outcome.status === "rejected") t.true(outcome.reason instanceof Unavailable);
  t.like(await sizesOf(await converter.convert(bytes, "png", never)), { full: "webp 300x200" });
});

test.serial("who leaves the queue gives their place to the next", async (t) => {
  const converter = new Converter(patient);
  const bytes = await picture("png", 300, 200);
  const goner = new AbortController();
  const running = [1, 2].map(() => converter.convert(bytes, "png", never));
  const leaving = Array.from({ length: 16 }, () => converter.convert(bytes, "png", goner.signal));
  const left = Promise.allSettled(leaving);
  await t.throwsAsync(converter.convert(bytes, "png", never), { instanceOf: Unavailable });
  goner.abort();
  await t.notThrowsAsync(converter.convert(bytes, "png", never));
  t.true((await left).every(({ status }) => status === "rejected"));
  await Promise.all(running);
});
