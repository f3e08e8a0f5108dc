import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { FieldViolation } from "../refusal.ts";
import { earliestSeconds, latestSeconds } from "../time.ts";

/** Finds what is wrong in a message, whose own path is given with the dot after it. */
type Find = (message: Message, path: string) => readonly FieldViolation[];

const nanosPerSecond = 1_000_000_000;

/** Compiled finders of whole messages: a message may hold itself. */
const compiled = new WeakMap<DescMessage, Find>();

/**
 * The instants in a message that no google.protobuf.Timestamp can be: before the year 1, after 9999, or with nanoseconds
 * that are no part of a second. JSON cannot say them, but bytes can, and what is answered with one is no JSON.
 */
export function findNoInstants(schema: DescMessage, message: Message): readonly FieldViolation[] {
  return finderOf(schema)(message, "");
}

function finderOf(type: DescMessage): Find {
  const known = compiled.get(type);
  if (known) return known;
  const finders: Find[] = [];
  const find: Find = (message, path) => finders.flatMap((one) => one(message, path));
  compiled.set(type, find);
  for (const field of type.fields) {
    if (field.message && holdsInstants(field.message)) finders.push(fieldFinder(field, field.message));
  }
  return find;
}

function fieldFinder(field: DescField, type: DescMessage): Find {
  const findInOne: Find = isTimestamp(type) ? instantFinder(field) : finderOf(type);
  const separator = isTimestamp(type) ? "" : ".";
  return (message, path) =>
    valuesOf(field, message).flatMap(([step, value]) => findInOne(value, `${path}${step}${separator}`));
}

/** What a field holds, each value by its path from the message. */
function valuesOf({ fieldKind, name, localName, oneof }: DescField, message: Message): [string, Message][] {
  const fields = message as unknown as Readonly<Record<string, unknown>>;
  const chosen = oneof && (fields[oneof.localName] as { readonly case?: string; readonly value?: unknown });
  const value = chosen ? (chosen.case === localName ? chosen.value : undefined) : fields[localName];
  if (value === undefined) return [];
  if (fieldKind === "message") return [[name, value as Message]];
  return Object.entries(value as object).map(([key, item]) => [`${name}.${key}`, item as Message]);
}

function instantFinder({ name }: DescField): Find {
  const description = `The ${name.replaceAll("_", " ")} must be an instant of the years 1 to 9999.`;
  return (instant, field) => (isInstant(instant as Timestamp) ? [] : [{ field, description }]);
}

function isInstant({ seconds, nanos }: Timestamp): boolean {
  return seconds >= earliestSeconds && seconds <= latestSeconds && nanos >= 0 && nanos < nanosPerSecond;
}

function holdsInstants(type: DescMessage, above: readonly DescMessage[] = []): boolean {
  if (isTimestamp(type)) return true;
  if (above.includes(type)) return false;
  return type.fields.some(({ message }) => message !== undefined && holdsInstants(message, [...above, type]));
}

function isTimestamp(type: DescMessage): boolean {
  return type.typeName === "google.protobuf.Timestamp";
}
