import { type DescEnum, ScalarType } from "@bufbuild/protobuf";
import type { FieldViolation } from "../platform/refusal.ts";
import { parseTimestamp } from "./decode-timestamp.ts";
import { enumNames } from "./enum-names.ts";
import { FormFile } from "./form.ts";
import { type Json, NumberText } from "./json-text.ts";

/** No more than these are told of one request. */
const mostViolations = 100;

/** One reading of a request: what is wrong with it so far, and how deep it has come. */
export class Reading {
  readonly violations: FieldViolation[] = [];
  depth = 0;

  /** Notes that a value is not what it must be, and answers what the value is then: nothing. */
  refuse(field: string, description: string): undefined {
    if (this.violations.length < mostViolations) this.violations.push({ field, description });
  }
}

/**
 * Turns a value into what a message holds. Where it cannot, it refuses the field, by its path from the request, and
 * answers undefined.
 */
export type ReadValue = (value: Json | FormFile, path: string, reading: Reading) => unknown;

/**
 * Where a value was written: in JSON, as the text of a path or a query, which has no types, or in a form, which has text
 * and files.
 */
export type Source = "json" | "text" | "form";

const decimal = /^-?[0-9]+(\.[0-9]+)?$/;
const scientific = /^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$/;
const integer = /^-?[0-9]+$/;
const base64 = /^[A-Za-z0-9+/_-]*={0,2}$/;
const largestFloat = (2 - 2 ** -23) * 2 ** 127;

/** Reads a value of a scalar type; `subject` begins the sentence that refuses it: `The amount`. */
export function scalarReader(type: ScalarType, subject: string, source: Source): ReadValue {
  switch (type) {
    case ScalarType.STRING:
      return textReader(subject);
    case ScalarType.BOOL:
      return source === "json" ? boolReader(subject) : boolTextReader(subject);
    case ScalarType.BYTES:
      return source === "form" ? fileReader(subject) : bytesReader(subject);
    case ScalarType.DOUBLE:
      return fractionReader(subject, Number.MAX_VALUE);
    case ScalarType.FLOAT:
      return fractionReader(subject, largestFloat);
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return integerReader(subject, -(2 ** 31), 2 ** 31 - 1, Number);
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return integerReader(subject, 0, 2 ** 32 - 1, Number);
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return integerReader(subject, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, BigInt);
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return integerReader(subject, 0, Number.MAX_SAFE_INTEGER, BigInt);
    default:
      return type satisfies never;
  }
}

/** A string, or a number, which becomes the text that was written. */
function textReader(subject: string): ReadValue {
  return (value, path, reading) => {
    if (typeof value === "string") {
      return value.isWellFormed() ? value : reading.refuse(path, `${subject} must be well-formed Unicode.`);
    }
    const plain = numberText(value);
    if (plain === undefined) return reading.refuse(path, `${subject} must be a string.`);
    return decimal.test(plain) ? plain : reading.refuse(path, `${subject} must be a number without an exponent.`);
  };
}

function integerReader(
  subject: string,
  least: number,
  most: number,
  convert: (value: number) => number | bigint,
): ReadValue {
  return (value, path, reading) => {
    const text = typeof value === "string" ? value : numberText(value);
    const number = typeof value === "number" ? value : Number(text);
    if (text === undefined || (typeof value === "number" ? !Number.isInteger(value) : !integer.test(text))) {
      return reading.refuse(path, `${subject} must be a whole number.`);
    }
    if (number < least || number > most) return reading.refuse(path, `${subject} must be from ${least} to ${most}.`);
    return convert(number);
  };
}

function fractionReader(subject: string, most: number): ReadValue {
  return (value, path, reading) => {
    const text = typeof value === "string" ? value : numberText(value);
    if (text === undefined || !scientific.test(text)) return reading.refuse(path, `${subject} must be a number.`);
    const number = Number(text);
    return Math.abs(number) <= most ? number : reading.refuse(path, `${subject} is too large.`);
  };
}

function boolReader(subject: string): ReadValue {
  return (value, path, reading) =>
    typeof value === "boolean" ? value : reading.refuse(path, `${subject} must be true or false.`);
}

function boolTextReader(subject: string): ReadValue {
  return (value, path, reading) => {
    if (value === "true" || value === "1") return true;
    if (value === "false" || value === "0") return false;
    return reading.refuse(path, `${subject} must be true or false.`);
  };
}

function bytesReader(subject: string): ReadValue {
  return (value, path, reading) => {
    if (typeof value === "string" && base64.test(value) && value.replace(/=+$/, "").length % 4 !== 1) {
      return new Uint8Array(Buffer.from(value, "base64"));
    }
    return reading.refuse(path, `${subject} must be base64.`);
  };
}

function fileReader(subject: string): ReadValue {
  return (value, path, reading) => {
    if (!(value instanceof FormFile)) return reading.refuse(path, `${subject} must be a file.`);
    return value.bytes ?? reading.refuse(path, `${subject} must be at most ${value.limit} bytes.`);
  };
}

/** Reads an enum by the name that clients know or by the proto's own, in any case. */
export function enumReader(type: DescEnum, subject: string): ReadValue {
  const names = enumNames(type);
  const numbers = new Map<string, number>();
  for (const { number, name } of type.values) if (names.has(number)) numbers.set(name.toLowerCase(), number);
  for (const [number, name] of names) numbers.set(name, number);
  const refusal = `${subject} must be one of ${[...names.values()].join(", ")}.`;
  return (value, path, reading) => {
    const number = typeof value === "string" ? numbers.get(value.toLowerCase()) : undefined;
    return number ?? reading.refuse(path, refusal);
  };
}

/** Reads an instant: RFC 3339, or a bare date. */
export function timestampReader(subject: string, bareDateIs: "start" | "end"): ReadValue {
  return (value, path, reading) => {
    const instant = typeof value === "string" ? parseTimestamp(value, bareDateIs) : undefined;
    return instant ?? reading.refuse(path, `${subject} must be a date, or a date and time, as ISO 8601 writes them.`);
  };
}

function numberText(value: Json | FormFile): string | undefined {
  if (typeof value === "number") return String(value);
  return value instanceof NumberText ? value.source : undefined;
}
