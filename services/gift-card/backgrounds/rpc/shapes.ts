import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type ActiveBackgroundSchema,
  type BackgroundSchema,
  BackgroundStatus,
} from "../../../../gen/giftmesh/giftcard/v1/background_pb.ts";
import { toTimestamp } from "../../../platform/time.ts";
import type { Background } from "../domain/background.ts";
import type { PictureFile } from "../domain/picture.ts";

/** A background as those who run the house see it. */
export function backgroundShape(background: Background): MessageInitShape<typeof BackgroundSchema> {
  const { active, createdAt, updatedAt } = background;
  return {
    ...activeBackgroundShape(background),
    isActive: active,
    status: active ? BackgroundStatus.ACTIVE : BackgroundStatus.INACTIVE,
    createdAt: toTimestamp(createdAt),
    updatedAt: toTimestamp(updatedAt),
  };
}

/** A background as makers of cards see it. */
export function activeBackgroundShape(
  background: Background,
): Omit<MessageInitShape<typeof ActiveBackgroundSchema>, "$typeName"> {
  const { description } = background;
  return { ...imageShape(background), ...(description !== undefined && { description }) };
}

/** A background as it shows on a card. */
export function imageShape({ id, name, picture }: Background) {
  const urlOf = (file: PictureFile) => `/media/gift-card-backgrounds/${picture}/${file}.webp`;
  return { id, name, url: urlOf("full"), conversions: { thumb: urlOf("thumb"), card: urlOf("card") } };
}
