import { openMedia } from "../../platform/media/open-media.ts";
import type { Served } from "../../platform/rpc/handler.ts";
import type { Platform, Worker } from "../../platform/service.ts";
import type { CardImages } from "../card-images.ts";
import { Converter } from "./converter.ts";
import { imagesOf } from "./images.ts";
import { Pictures } from "./pictures.ts";
import { type CardUses, serveBackgrounds } from "./rpc/backgrounds.ts";
import { Backgrounds } from "./store/backgrounds.ts";
import { PictureRows } from "./store/pictures.ts";

const removeEveryMs = 60_000;

/** The part of the service that backgrounds are. */
export interface BackgroundsPart {
  readonly backgrounds: Backgrounds;
  /** The same, as cards know them. */
  readonly images: CardImages;
  readonly pictures: Pictures;
  readonly served: Served;
  readonly worker: Worker;
}

/** Makes all that there is about backgrounds. */
export function createBackgrounds(
  { config, database, log, ids }: Pick<Platform, "config" | "database" | "log" | "ids">,
  cards: CardUses,
): BackgroundsPart {
  const backgrounds = new Backgrounds(database);
  const rows = new PictureRows(database);
  const pictures = new Pictures({ rows, media: openMedia(config, log), converter: new Converter() });
  const served = serveBackgrounds({ database, backgrounds, backgroundIds: ids("backgrounds"), pictures, cards });
  const run = (signal: AbortSignal) => pictures.removeDue(signal);
  return {
    backgrounds,
    images: imagesOf(backgrounds),
    pictures,
    served,
    worker: { name: "remove-pictures", everyMs: removeEveryMs, alone: true, run },
  };
}
