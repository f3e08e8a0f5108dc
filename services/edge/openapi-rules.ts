import { type DescEnum, type DescField, getOption, hasOption, ScalarType } from "@bufbuild/protobuf";
import { type FieldRules, field as fieldRules } from "../../gen/buf/validate/validate_pb.ts";
import { instantText } from "../platform/instant-text.ts";
import { enumNames } from "./enum-names.ts";
import type { Json, Schema } from "./openapi-document.ts";

/** The `buf.validate` rules of a field; none where it has none. */
export function rulesOf(field: DescField): FieldRules | undefined {
  return hasOption(field, fieldRules) ? getOption(field, fieldRules) : undefined;
}

/** What a field's rules say of its value, in the words of JSON Schema; what those cannot say is left to the comment. */
export function limitsOf(field: DescField, rules: FieldRules | undefined): Schema {
  if (rules?.type.case === "repeated") {
    const { minItems, maxItems, unique } = rules.type.value;
    return {
      ...((minItems || rules.required) && { minItems: Number(minItems) || 1 }),
      ...(maxItems && { maxItems: Number(maxItems) }),
      ...(unique && { uniqueItems: true }),
    };
  }
  return valueLimits(field, rules);
}

/** What the rules say of one value of a field, or of one item of a list. */
export function valueLimits(field: DescField, rules: FieldRules | undefined): Schema {
  if (!rules) return {};
  switch (rules.type.case) {
    case "string":
      return textLimits(rules.type.value, rules.required);
    case "int32":
    case "int64":
      return numberLimits(rules.type.value);
    case "enum":
      return field.enum ? enumLimits(field.enum, rules.type.value) : {};
    case "bytes":
      return rules.type.value.maxLen ? { maxLength: base64Length(Number(rules.type.value.maxLen)) } : {};
    case undefined:
      return rules.required && field.scalar === ScalarType.STRING ? { minLength: 1 } : {};
    default:
      return {};
  }
}

/** The examples that a field's rules give, as clients write them. */
export function examplesOf(field: DescField): Json[] {
  const type = rulesOf(field)?.type;
  switch (type?.case) {
    case "string":
    case "int32":
      return [...type.value.example];
    case "int64":
      return type.value.example.map(Number);
    case "enum":
      return field.enum ? namesOf(field.enum, type.value.example) : [];
    case "timestamp":
      return type.value.example.map(instantText);
    default:
      return [];
  }
}

function textLimits(rules: Extract<FieldRules["type"], { case: "string" }>["value"], required: boolean): Schema {
  const least = Number(rules.len || rules.minLen) || (required ? 1 : 0);
  const most = Number(rules.len || rules.maxLen || rules.maxBytes);
  return {
    ...(rules.wellKnown.case && rules.wellKnown.value && { format: rules.wellKnown.case }),
    ...(least && { minLength: least }),
    ...(most && { maxLength: most }),
    ...(rules.pattern && { pattern: rules.pattern }),
    ...(rules.in.length > 0 && { enum: rules.in }),
  };
}

function numberLimits({ lessThan, greaterThan }: Extract<FieldRules["type"], { case: "int32" | "int64" }>["value"]) {
  return {
    ...(greaterThan.case === "gte" && { minimum: Number(greaterThan.value) }),
    ...(greaterThan.case === "gt" && { exclusiveMinimum: Number(greaterThan.value) }),
    ...(lessThan.case === "lte" && { maximum: Number(lessThan.value) }),
    ...(lessThan.case === "lt" && { exclusiveMaximum: Number(lessThan.value) }),
  };
}

function enumLimits(type: DescEnum, rules: Extract<FieldRules["type"], { case: "enum" }>["value"]): Schema {
  const excluded = namesOf(type, rules.notIn);
  if (rules.in.length === 0 && excluded.length === 0) return {};
  const allowed = rules.in.length > 0 ? namesOf(type, rules.in) : [...enumNames(type).values()];
  return { enum: allowed.filter((name) => !excluded.includes(name)) };
}

function namesOf(type: DescEnum, numbers: readonly number[]): string[] {
  const names = enumNames(type);
  return numbers.flatMap((number) => names.get(number) ?? []);
}

function base64Length(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}
