import type { DescEnum } from "@bufbuild/protobuf";

/**
 * An enum's values as clients know them: in lower case and without the enum's name, `wallet` for `GIFT_TYPE_WALLET`.
 * A zero value that only says that nothing was said has no name.
 */
export function enumNames(type: DescEnum): Map<number, string> {
  const prefixLength = type.sharedPrefix?.length ?? 0;
  const names = new Map<number, string>();
  for (const { number, name } of type.values) {
    const short = name.slice(prefixLength).toLowerCase();
    if (number === 0 && short === "unspecified") continue;
    if (!names.has(number)) names.set(number, short);
  }
  return names;
}
