import type { MessageInitShape } from "@bufbuild/protobuf";
import type { GiftCardOptionsSchema } from "../../../gen/giftmesh/giftcard/v1/gift_card_pb.ts";
import { currencies } from "../../platform/money.ts";
import type { CardImages } from "../card-images.ts";
import type { GiftType } from "../domain/card.ts";
import { giftTypeCodes, giftTypeLabels } from "./codes.ts";

/** Colours that go with the pictures. */
const backgroundColors = ["#FF8B85", "#FFD3B6", "#FFF4A3", "#A8E6CF", "#87CEEB", "#B39DDB", "#F8BBD0", "#455A64"];

/** What cards can be made of. */
export async function optionsShape(images: Pick<CardImages, "listActive">, defaultCurrency: string) {
  return {
    backgroundColors,
    backgroundImages: [...(await images.listActive())],
    giftTypes: (Object.keys(giftTypeCodes) as GiftType[]).map((type) => ({
      value: giftTypeCodes[type],
      label: giftTypeLabels[type],
    })),
    currencies: [defaultCurrency, ...currencies.filter((code) => code !== defaultCurrency)],
  } satisfies MessageInitShape<typeof GiftCardOptionsSchema>;
}
