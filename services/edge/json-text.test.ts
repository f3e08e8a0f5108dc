import test from "ava";
import fc from "fast-check";
import { NumberText, parseJsonObject } from "./json-text.ts";
import { MalformedJson } from "./refusals.ts";

test("a number keeps every digit that was written, but for zeros at the end", (t) => {
  const digits = fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(fc.boolean(), digits, fc.option(digits), (isNegative, whole, fraction) => {
      const integer = whole.replace(/^0+(?=.)/, "");
      const source = `${isNegative ? "-" : ""}${integer}${fraction === null ? "" : `.${fraction}`}`;
      const { number } = parseJsonObject(`{"number": ${source}}`);
      const text = number instanceof NumberText ? number.source : String(number);
      t.is(withoutZeros(text), withoutZeros(source));
    }),
    { numRuns: 1_000 },
  );
});

test("what has no long numbers is what JSON.parse says it is", (t) => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
      const text = JSON.stringify(object);
      if (!/[0-9.]{16}|e-/.test(text)) t.deepEqual(parseJsonObject(text) as unknown, JSON.parse(text));
    }),
  );
});

test("a number as long as a body may be is read in the time that its length takes", (t) => {
  for (const long of [
    `0.${"0".repeat(900_000)}1`,
    "1".repeat(900_000),
    `1${"0".repeat(900_000)}`,
    `${"0".repeat(0)}1.${"0".repeat(900_000)}`,
  ]) {
    t.deepEqual(Object.keys(parseJsonObject(`{"n":${long}}`)), ["n"]);
  }
});

test("beside a long number there are 50,000 values at most, or it would take long to look at each", (t) => {
  const bodyOf = (values: number) => `{"n":1234567890.123456789,"x":[${"1,".repeat(values - 4)}1]}`;
  t.true(parseJsonObject(bodyOf(50_000)).n instanceof NumberText);
  t.throws(() => parseJsonObject(bodyOf(50_001)), {
    instanceOf: MalformedJson,
    message: "The body must have at most 50000 values",
  });
});

function withoutZeros(text: string): string {
  const short = text.includes(".") ? text.replace(/\.?0+$/, "") : text;
  return short === "-0" ? "0" : short;
}
