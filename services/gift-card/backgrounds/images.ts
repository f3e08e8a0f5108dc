import type { CardImage, CardImages } from "../card-images.ts";
import type { Background } from "./domain/background.ts";
import { imageShape } from "./rpc/shapes.ts";
import type { Backgrounds } from "./store/backgrounds.ts";

/** How many backgrounds makers of cards are shown to choose from. */
const mostShown = 100;

/** Backgrounds, as cards know them. */
export function imagesOf(backgrounds: Backgrounds): CardImages {
  return {
    async find(ids) {
      const found = await backgrounds.ofIds(ids);
      return new Map(Array.from(found, ([id, background]): [bigint, CardImage] => [id, imageShape(background)]));
    },

    async findActive(id) {
      const found = await backgrounds.find(id);
      return found?.active ? imageShape(found) : undefined;
    },

    async listActive() {
      const page = { kind: "cursor", perPage: mostShown, after: [largestId] } as const;
      const { rows } = await backgrounds.list({ active: true }, page);
      return rows.slice(0, mostShown).map((background: Background) => imageShape(background));
    },
  };
}

const largestId = 2n ** 63n - 1n;
