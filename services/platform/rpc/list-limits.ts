/**
 * How many items a list may have, by its rule (`buf.validate` `repeated.max_items`). This is looked at before any item is: a
 * body of one megabyte has hundreds of thousands, and to find what is wrong with each would take seconds, for which the
 * process does nothing else.
 */

import { type DescField, type DescMessage, getOption, hasOption, type Message } from "@bufbuild/protobuf";
import { field as fieldRules } from "../../../gen/buf/validate/validate_pb.ts";
import type { FieldViolation } from "../refusal.ts";

/** A list that has a limit. */
export interface ListLimit {
  readonly mostItems: number;
  /** What is wrong with a list that has more. */
  readonly tooMany: FieldViolation;
}

/** The limits of a message's own lists, by the lists' names in messages. */
const known = new WeakMap<DescMessage, readonly (readonly [localName: string, limit: ListLimit])[]>();

/** The limit of a field that is a list; undefined where it has none. */
export function listLimitOf(field: DescField): ListLimit | undefined {
  if (field.fieldKind !== "list" || !hasOption(field, fieldRules)) return undefined;
  const { type } = getOption(field, fieldRules);
  if (type.case !== "repeated" || !type.value.maxItems) return undefined;
  const mostItems = Number(type.value.maxItems);
  const items = `${mostItems} item${mostItems === 1 ? "" : "s"}`;
  const description = `The ${field.name.replaceAll("_", " ")} must have at most ${items}.`;
  return { mostItems, tooMany: { field: field.name, description } };
}

/** The lists of a message that have too many items; of its own ones, and not of those in messages that it holds. */
export function findLongLists(schema: DescMessage, message: Message): readonly FieldViolation[] {
  const lists = message as unknown as Readonly<Record<string, readonly unknown[]>>;
  return limitsOf(schema).flatMap(([localName, { mostItems, tooMany }]) =>
    (lists[localName]?.length ?? 0) > mostItems ? [tooMany] : [],
  );
}

function limitsOf(schema: DescMessage): readonly (readonly [localName: string, limit: ListLimit])[] {
  let limits = known.get(schema);
  if (!limits) {
    limits = schema.fields.flatMap((field) => {
      const limit = listLimitOf(field);
      return limit ? [[field.localName, limit] as const] : [];
    });
    known.set(schema, limits);
  }
  return limits;
}
