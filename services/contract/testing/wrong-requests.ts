import { type DescField, getOption, hasOption, ScalarType } from "@bufbuild/protobuf";
import { type FieldRules, field as fieldRules } from "../../../gen/buf/validate/validate_pb.ts";
import type { Fields } from "./both-ways.ts";

/** A request of which one thing is wrong. */
export interface WrongRequest {
  /** What is wrong, as `errors` names it: `items.1.quantity`. */
  readonly path: string;
  readonly value: unknown;
  readonly fields: Fields;
}

/** Where a field is written: JSON has types, a path and a query have text. */
type Place = "json" | "text";

const beyondEveryInteger = "9007199254740992";

/**
 * Makes a good request wrong in each way that it can be: each field that is `named`, and each field of the messages in
 * it, against its type and against each of its rules.
 */
export function wrongRequests(
  fields: readonly DescField[],
  good: Fields,
  placeOf: (field: DescField) => Place,
): WrongRequest[] {
  return fields.flatMap((field) => {
    const { name } = field;
    // A cursor goes without a page.
    const { page: _, ...others } = good;
    const request = name === "cursor" ? others : good;
    const wrongs = distinct(wrongValues(field, good[name], placeOf(field))).map((value) => ({ path: "", value }));
    return [...wrongs, ...wrongWithin(field, good[name])].map(({ path, value, whole = value }: Wrong) => ({
      path: name + path,
      value,
      fields: { ...request, [name]: whole },
    }));
  });
}

/** Something wrong in a field: what and where, and the field's value with it. */
interface Wrong {
  readonly path: string;
  readonly value: unknown;
  readonly whole?: unknown;
}

/** What can be wrong inside a field that holds messages; in a list, in the one after the good ones. */
function wrongWithin(field: DescField, good: unknown): Wrong[] {
  if (!field.message || isTimestamp(field)) return [];
  if (field.fieldKind === "list") {
    const items = good as readonly Fields[];
    const index = items.length;
    const noObjects = ["text", 1, true, [], null].map((value) => ({
      path: `.${index}`,
      value,
      whole: [...items, value],
    }));
    const inside = wrongRequests(field.message.fields, items[0] ?? {}, () => "json");
    return [
      ...noObjects,
      ...inside.map(({ path, value, fields }) => ({ path: `.${index}.${path}`, value, whole: [...items, fields] })),
    ];
  }
  const inside = wrongRequests(field.message.fields, good as Fields, () => "json");
  return inside.map(({ path, value, fields }) => ({ path: `.${path}`, value, whole: fields }));
}

function wrongValues(field: DescField, good: unknown, place: Place): unknown[] {
  const rules = hasOption(field, fieldRules) ? getOption(field, fieldRules) : undefined;
  if (field.name === "cursor") return ["", "nonsense", "x".repeat(201)];
  const missing = rules?.required && place === "json" ? [undefined, null] : [];
  switch (field.fieldKind) {
    case "list":
      return [...missing, ...wrongLists(rules, good as readonly unknown[])];
    case "enum":
      return [...missing, ...wrongEnums(field.enum.name, place)];
    case "message":
      return [...missing, ...(isTimestamp(field) ? wrongTimes(place) : ["text", 1, true, []])];
    case "scalar":
      return [...missing, ...wrongScalars(field.scalar, rules, place)];
    default:
      throw new Error(`${field.parent.typeName}: nobody knows what is wrong with ${field.name}`);
  }
}

function wrongLists(rules: FieldRules | undefined, good: readonly unknown[]): unknown[] {
  const { minItems = 0n, maxItems = 0n } = rules?.type.case === "repeated" ? rules.type.value : {};
  const tooMany = Array.from({ length: Number(maxItems) + 1 }, () => good[0]);
  return ["text", 1, true, {}, ...(minItems > 0n ? [[], null, undefined] : []), ...(maxItems > 0n ? [tooMany] : [])];
}

function wrongScalars(type: ScalarType, rules: FieldRules | undefined, place: Place): unknown[] {
  switch (type) {
    case ScalarType.STRING:
      return wrongStrings(rules, place);
    case ScalarType.BOOL:
      return ["", "yes", ...(place === "json" ? ["true", 0, 1, [], {}] : ["2"])];
    default:
      return wrongIntegers(rules, place);
  }
}

function wrongStrings(rules: FieldRules | undefined, place: Place): unknown[] {
  const wrong: unknown[] = place === "json" ? [true, [], {}, ["text"]] : [];
  if (rules?.type.case !== "string") return wrong;
  const { minLen, maxLen, pattern, wellKnown } = rules.type.value;
  if (minLen > 1n && place === "json") wrong.push("x".repeat(Number(minLen) - 1));
  if (minLen > 0n || (rules.required && place === "json")) wrong.push("");
  if (maxLen > 0n) wrong.push("x".repeat(Number(maxLen) + 1));
  if (pattern !== "") wrong.push("no ! good");
  if (wellKnown.case === "email") wrong.push("nobody", "a@b@c", "a b@example.com");
  return wrong;
}

/** Those beside the limits, and zero where something is required that says nothing of being unset. */
function wrongIntegers(rules: FieldRules | undefined, place: Place): unknown[] {
  const wrong: unknown[] = ["x", "1.5", beyondEveryInteger];
  if (place === "json") wrong.push(true, [], {}, 1.5, 2 ** 53);
  if (rules?.type.case !== "int64" && rules?.type.case !== "int32") return wrong;
  const { greaterThan, lessThan } = rules.type.value;
  if (greaterThan.case) wrong.push(Number(greaterThan.value) - (greaterThan.case === "gte" ? 1 : 0));
  if (lessThan.case) wrong.push(Number(lessThan.value) + (lessThan.case === "lte" ? 1 : 0));
  if (greaterThan.case && Number(greaterThan.value) >= 0) wrong.push(-1);
  if (rules.required) wrong.push(0);
  return wrong;
}

function wrongEnums(name: string, place: Place): unknown[] {
  const unspecified = `${name.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase()}_UNSPECIFIED`;
  return ["nonsense", unspecified, "", ...(place === "json" ? [true, [], {}, 99] : [])];
}

function wrongTimes(place: Place): unknown[] {
  const wrong = ["nonsense", "2026-02-30", "2026-01-01T25:00:00Z", "2026-01-01 00:00", ""];
  return place === "json" ? [...wrong, true, [], {}, 12] : wrong;
}

function isTimestamp(field: DescField): boolean {
  return field.message?.typeName === "google.protobuf.Timestamp";
}

function distinct(values: readonly unknown[]): unknown[] {
  return [...new Map(values.map((value) => [`${typeof value} ${JSON.stringify(value)}`, value])).values()];
}
