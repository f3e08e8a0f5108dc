import type { DescMessage, Message } from "@bufbuild/protobuf";
import type { Path } from "@bufbuild/protobuf/reflect";
import { createValidator, type Violation } from "@bufbuild/protovalidate";
import { type FieldViolation, InvalidFields } from "../refusal.ts";
import { findNoInstants } from "./instants.ts";
import { findLongLists } from "./list-limits.ts";
import { matchPattern } from "./pattern-match.ts";

/** No more than these are told of one request, so that the answer fits into HTTP/2 trailers. */
const mostViolations = 100;

const quick = createValidator({ regexMatch: matchPattern });
const thorough = createValidator();

/** Messages that the quick one has failed at: they have patterns that are for RE2 only. */
const forThorough = new WeakSet<DescMessage>();

/** Holds a message against the rules in its proto. Throws InvalidFields, with the first rule that each field breaks. */
export function validate(schema: DescMessage, message: Message): void {
  const violations = findViolations(schema, message);
  if (violations.length > 0) throw new InvalidFields(violations.slice(0, mostViolations));
}

/**
 * The rules that a message breaks: for each field the first; and the instants in it that are none. Where it has a list that
 * is too long, that alone.
 */
export function findViolations(schema: DescMessage, message: Message): readonly FieldViolation[] {
  const longLists = findLongLists(schema, message);
  if (longLists.length > 0) return longLists;
  const noInstants = findNoInstants(schema, message);
  const broken = findBrokenRules(schema, message);
  return noInstants.length > 0 ? [...noInstants, ...broken] : broken;
}

function findBrokenRules(schema: DescMessage, message: Message): readonly FieldViolation[] {
  const validator = forThorough.has(schema) ? thorough : quick;
  const result = validator.validate(schema, message);
  switch (result.kind) {
    case "valid":
      return [];
    case "invalid":
      return describe(result.violations);
    case "error":
      if (validator === thorough) throw result.error;
      forThorough.add(schema);
      return findBrokenRules(schema, message);
    default:
      throw result satisfies never;
  }
}

function describe(violations: readonly Violation[]): FieldViolation[] {
  const byField = new Map<string, FieldViolation>();
  for (const violation of violations) {
    const field = pathOf(violation.field) || violation.ruleId;
    if (!byField.has(field)) byField.set(field, { field, description: sentenceOf(violation) });
  }
  return [...byField.values()];
}

function pathOf(path: Path): string {
  return path.map((step) => stepOf(step)).join(".");
}

function stepOf(step: Path[number]): string {
  switch (step.kind) {
    case "field":
    case "oneof":
      return step.name;
    case "list_sub":
      return String(step.index);
    case "map_sub":
      return String(step.key);
    case "extension":
      return step.typeName;
    default:
      throw step satisfies never;
  }
}

type Sentence = (name: string, limits: readonly string[]) => string;

const isRequired: Sentence = (name) => `The ${name} field is required.`;
const isNoChoice: Sentence = (name) => `The selected ${name} is invalid.`;
const isNoEmail: Sentence = (name) => `The ${name} must be a valid email address.`;
const isNoUri: Sentence = (name) => `The ${name} must be a valid URI.`;
const isNoUuid: Sentence = (name) => `The ${name} must be a valid UUID.`;

/** What people are told, by the id of the rule; the limits are the numbers that the rule sets. */
const sentences: Readonly<Record<string, Sentence>> = {
  required: isRequired,
  "integer.gt": (name, [limit]) => `The ${name} must be greater than ${limit}.`,
  "integer.gte": (name, [limit]) => `The ${name} must be at least ${limit}.`,
  "integer.lt": (name, [limit]) => `The ${name} must be less than ${limit}.`,
  "integer.lte": (name, [limit]) => `The ${name} must be at most ${limit}.`,
  "integer.gte_lte": (name, [least, most]) => `The ${name} must be between ${least} and ${most}.`,
  "string.len": (name, [length]) => `The ${name} must be ${count(length, "character")}.`,
  "string.min_len": (name, [least]) => `The ${name} must be at least ${count(least, "character")}.`,
  "string.max_len": (name, [most]) => `The ${name} must be at most ${count(most, "character")}.`,
  "string.max_bytes": (name, [most]) => `The ${name} must be at most ${count(most, "byte")}.`,
  "string.pattern": (name) => `The ${name} format is invalid.`,
  "string.in": isNoChoice,
  "string.email": isNoEmail,
  "string.email_empty": isNoEmail,
  "string.uri": isNoUri,
  "string.uri_empty": isNoUri,
  "string.uuid": isNoUuid,
  "string.uuid_empty": isNoUuid,
  "bytes.min_len": (name, [least]) => `The ${name} must be at least ${count(least, "byte")}.`,
  "bytes.max_len": (name, [most]) => `The ${name} must be at most ${count(most, "byte")}.`,
  "enum.defined_only": isNoChoice,
  "enum.in": isNoChoice,
  "enum.not_in": isNoChoice,
  "repeated.min_items": (name, [least]) => `The ${name} must have at least ${count(least, "item")}.`,
  "repeated.max_items": (name, [most]) => `The ${name} must have at most ${count(most, "item")}.`,
  "repeated.unique": (name) => `The ${name} must not repeat an item.`,
  "timestamp.lt_now": (name) => `The ${name} must be in the past.`,
  "timestamp.gt_now": (name) => `The ${name} must be in the future.`,
};

function sentenceOf(violation: Violation): string {
  const name = nameOf(violation.field);
  const sentence = sentences[violation.ruleId.replace(/^int(32|64)\./, "integer.")];
  if (sentence) return sentence(name, violation.message.match(/-?\d+/g) ?? []);
  return name ? `The ${name} ${violation.message.replace(/^value /, "")}.` : violation.message;
}

/** The field's own name in words, of `items.0.unit_price` "unit price". */
function nameOf(path: Path): string {
  const step = path.findLast((one) => one.kind === "field" || one.kind === "oneof");
  return step ? stepOf(step).replaceAll("_", " ") : "";
}

function count(number: string | undefined, unit: string): string {
  return `${number} ${unit}${number === "1" ? "" : "s"}`;
}
