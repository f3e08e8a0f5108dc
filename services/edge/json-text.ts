import { MalformedJson } from "./refusals.ts";

/** A number as it was written, where a double cannot hold it so. */
export class NumberText {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

/** A JSON value, in which no number has lost a digit. */
export type Json = null | boolean | number | string | NumberText | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: Json;
}

/**
 * Text in which a number may be longer than what every double holds: 15 significant digits, and no more zeros after the
 * point than JavaScript writes out. Most bodies have none, and are spared the reviver.
 */
const mayHaveLongNumber = /[0-9.]{16}|0\.0{6}/;

/**
 * Values that a text may have where it has such a number: to be told of each takes a microsecond, and a text of one megabyte
 * may have half a million, for which the process would do nothing else.
 */
const mostValues = 50_000;

/** JSON.parse as ECMAScript 2026 has it: the reviver is told how a value was written. */
type ParseWithSource = (
  text: string,
  reviver: (name: string, value: unknown, context: { readonly source?: string }) => unknown,
) => unknown;

/**
 * Reads a JSON object; no text at all is an empty one. Throws MalformedJson for anything else, and for one with a number
 * longer than a double holds and more than 50,000 values.
 */
export function parseJsonObject(text: string): JsonObject {
  if (text === "") return {};
  let value: Json;
  try {
    value = mayHaveLongNumber.test(text) ? parseKeepingNumbers(text) : JSON.parse(text);
  } catch (error) {
    // A SyntaxError, or a RangeError from nesting that the reviver cannot follow.
    throw error instanceof MalformedJson ? error : new MalformedJson("The body is not valid JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof NumberText) {
    throw new MalformedJson("The body must be a JSON object");
  }
  return value as JsonObject;
}

function parseKeepingNumbers(text: string): Json {
  let values = 0;
  return (JSON.parse as ParseWithSource)(text, (_name, value, context) => {
    if (++values > mostValues) throw new MalformedJson(`The body must have at most ${mostValues} values`);
    return keepNumber(value, context);
  }) as Json;
}

function keepNumber(value: unknown, context: { readonly source?: string }): unknown {
  if (typeof value !== "number" || context.source === undefined) return value;
  return isExact(context.source, value) ? value : new NumberText(context.source);
}

/** Whether a double says all that was written, but for zeros at the end. */
function isExact(source: string, value: number): boolean {
  const [digits = "", exponent] = source.split(/e/i);
  if (exponent !== undefined) return digits.replace(/[-.]/g, "").length <= 15;
  return (digits.includes(".") ? withoutEndingZeros(digits) : digits) === String(value);
}

/** Not by a regular expression: one that looks for zeros before an end takes the square of their number. */
function withoutEndingZeros(digits: string): string {
  let end = digits.length;
  while (digits[end - 1] === "0") end--;
  if (digits[end - 1] === ".") end--;
  return digits.slice(0, end);
}
