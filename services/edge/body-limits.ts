import { type DescField, type DescMessage, getOption, hasOption, ScalarType } from "@bufbuild/protobuf";
import { field as fieldRules } from "../../gen/buf/validate/validate_pb.ts";

/** The longest body, the longest text in a form, and the longest file where its field's rules do not say: 1 MB. */
export const defaultLimit = 1_048_576;

/** How long a request's files may be, in bytes: each bytes field by its rule (`buf.validate` `bytes.max_len`). */
export function fileLimits(type: DescMessage): Map<DescField, number> {
  const limits = new Map<DescField, number>();
  for (const field of type.fields) {
    if (field.scalar === ScalarType.BYTES) limits.set(field, fileLimit(field));
  }
  return limits;
}

function fileLimit(field: DescField): number {
  if (!hasOption(field, fieldRules)) return defaultLimit;
  const { type } = getOption(field, fieldRules);
  return type.case === "bytes" && type.value.maxLen ? Number(type.value.maxLen) : defaultLimit;
}

/** How long a body may be that has a request's files in base64, in bytes. */
export function bodyLimit(type: DescMessage): number {
  const longestFiles = [...fileLimits(type).values()].reduce((sum, limit) => sum + limit, 0);
  return defaultLimit + Math.ceil((longestFiles * 4) / 3);
}
