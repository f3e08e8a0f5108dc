import { create, equals, type Message } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import test from "ava";
import fc from "fast-check";
import { compileMessageReader } from "./decode.ts";
import { Reading } from "./decode-value.ts";
import { compileMessageWriter } from "./encode.ts";
import { parseJsonObject } from "./json-text.ts";
import { echoMessage } from "./testdata/echo-edge.ts";

const Everything = echoMessage("Everything");
const write = compileMessageWriter(Everything);
const read = compileMessageReader(Everything);

function make(fields: Record<string, unknown>): Message {
  return create(Everything, fields as Message);
}

function timestamp(seconds: bigint, nanos: number): Timestamp {
  return create(TimestampSchema, { seconds, nanos });
}

test("a message has every field, by its name in the proto, and null where it is not set", (t) => {
  const written = JSON.parse(write(make({})));
  t.deepEqual(
    Object.keys(written),
    Everything.fields.map(({ name }) => name).filter((name) => name !== "secret"),
  );
  const { text, maybe_text, flag, big, data, kind, maybe_kind, starts_at, tags, labels, part, choice_text } = written;
  t.deepEqual(
    { text, maybe_text, flag, big, data, kind, maybe_kind, starts_at, tags, labels, part, choice_text },
    {
      text: "",
      maybe_text: null,
      flag: false,
      big: 0,
      data: "",
      kind: null,
      maybe_kind: null,
      starts_at: null,
      tags: [],
      labels: {},
      part: null,
      choice_text: null,
    },
  );
});

test("a field that is to be left out where it is not set is written only where it is", (t) => {
  t.false("secret" in JSON.parse(write(make({}))));
  t.is(JSON.parse(write(make({ secret: "" }))).secret, "");
});

const written: readonly [fields: Record<string, unknown>, name: string, text: string][] = [
  [{ text: 'a "quoted"\n\u2028 é 😀' }, "text", JSON.stringify('a "quoted"\n\u2028 é 😀')],
  [{ big: 9_007_199_254_740_991n }, "big", "9007199254740991"],
  [{ big: -1n }, "big", "-1"],
  [{ fraction: 1e21 }, "fraction", "1e+21"],
  [{ fraction: Number.POSITIVE_INFINITY }, "fraction", "null"],
  [{ data: new Uint8Array([0, 255]) }, "data", '"AP8="'],
  [{ kind: 2 }, "kind", '"big_thing"'],
  [{ kind: 99 }, "kind", "null"],
  [{ startsAt: timestamp(1_737_453_600n, 0) }, "starts_at", '"2025-01-21T10:00:00.000000Z"'],
  [{ startsAt: timestamp(1_737_453_600n, 123_456_789) }, "starts_at", '"2025-01-21T10:00:00.123456Z"'],
  [{ startsAt: timestamp(-1n, 999_999_000) }, "starts_at", '"1969-12-31T23:59:59.999999Z"'],
  [{ tags: ["a", "b"] }, "tags", '["a","b"]'],
  [{ parts: [{ name: "a", quantity: 1 }] }, "parts", '[{"name":"a","quantity":1}]'],
  [{ labels: { a: "b", c: "d" } }, "labels", '{"a":"b","c":"d"}'],
  [{ choice: { case: "choiceText", value: "" } }, "choice_text", '""'],
];

for (const [fields, name, text] of written) {
  test(`${name} is written as ${text}`, (t) => {
    t.true(`${write(make(fields)).slice(0, -1)},`.includes(`"${name}":${text},`));
  });
}

const part = fc.record({ name: fc.string({ unit: "binary" }), quantity: fc.integer() });
const safeInteger = fc.maxSafeInteger().map(BigInt);
const natural = fc.maxSafeNat().map(BigInt);
/** There is no -0 in a decimal text. */
const finite = { noNaN: true, noDefaultInfinity: true } as const;
const instant = fc
  .record({ seconds: fc.bigInt(-62_135_596_800n, 253_402_300_799n), micros: fc.nat(999_999) })
  .map(({ seconds, micros }) => timestamp(seconds, micros * 1_000));

const fields = fc.letrec((tie) => ({
  everything: fc.record(
    {
      id: safeInteger,
      text: fc.string({ unit: "binary" }),
      maybeText: fc.string(),
      flag: fc.boolean(),
      maybeFlag: fc.boolean(),
      small: fc.integer(),
      smallUnsigned: fc.nat(2 ** 32 - 1),
      big: safeInteger,
      bigUnsigned: natural,
      maybeBig: safeInteger,
      fraction: fc.double(finite).map((number) => number + 0),
      smallFraction: fc.float(finite).map((number) => number + 0),
      data: fc.uint8Array(),
      kind: fc.nat(2),
      maybeKind: fc.integer({ min: 1, max: 2 }),
      startsAt: instant,
      expiresAt: instant,
      tags: fc.array(fc.string()),
      numbers: fc.array(safeInteger),
      kinds: fc.array(fc.integer({ min: 1, max: 2 })),
      parts: fc.array(part),
      part,
      labels: fc.dictionary(fc.string({ unit: "binary" }), fc.string()),
      partsByNumber: fc.dictionary(safeInteger.map(String), part),
      choice: fc.oneof(
        fc.record({ case: fc.constant("choiceText"), value: fc.string() }),
        fc.record({ case: fc.constant("choicePart"), value: part }),
        fc.record({ case: fc.constant("choiceAt"), value: instant }),
      ),
      nested: fc.option(tie("everything"), { nil: undefined, depthSize: "small" }),
    },
    { requiredKeys: [] },
  ),
}));

test("what is written is read back the same", (t) => {
  fc.assert(
    fc.property(fields.everything, (init) => {
      const message = make(init as Record<string, unknown>);
      const reading = new Reading();
      const back = create(Everything);
      read(parseJsonObject(write(message)), back, "", reading);
      t.deepEqual(reading.violations, []);
      t.true(equals(Everything, back, message));
    }),
    { numRuns: 1_000 },
  );
});
