import { create } from "@bufbuild/protobuf";
import test from "ava";
import { PlaceOrderRequestSchema } from "../../gen/giftmesh/payment/v1/order_service_pb.ts";
import { compileMessageReader } from "./decode.ts";
import { Reading } from "./decode-value.ts";
import { send, startEchoEdge } from "./testdata/echo-edge.ts";

const edge = await startEchoEdge();
test.after.always(() => edge.stop());

interface Answer {
  readonly data: Record<string, unknown>;
  readonly errors?: Record<string, string[]>;
  readonly code?: string;
}

async function echo(everything: string): Promise<{ status: number; answer: Answer }> {
  const response = await send(edge.url, "POST", "/echo/17", { body: `{"everything":${everything}}` });
  return { status: response.status, answer: (await response.json()) as Answer };
}

async function search(query: string): Promise<{ status: number; answer: Answer }> {
  const response = await send(edge.url, "GET", `/kinds/small_thing/things/a/all.json?${query}`);
  return { status: response.status, answer: (await response.json()) as Answer };
}

/** What is written into a field, and what comes back out of it. */
const goodValues: readonly [field: string, written: string, read: unknown][] = [
  ["text", '"as it is"', "as it is"],
  ["text", '""', ""],
  ["text", "5", "5"],
  ["text", "200.00", "200"],
  ["text", "-0.10", "-0.1"],
  ["text", "1e2", "100"],
  ["text", "0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"],
  ["text", "9007199254740993", "9007199254740993"],
  ["text", "123456789012345678901234567890.12", "123456789012345678901234567890.12"],
  ["text", "0.00000001", "0.00000001"],
  ["text", "null", ""],
  ["maybe_text", "null", null],
  ["maybe_text", '""', ""],
  ["flag", "true", true],
  ["maybe_flag", "false", false],
  ["small", "-2147483648", -2147483648],
  ["small", '"2147483647"', 2147483647],
  ["small", "1.0", 1],
  ["small_unsigned", "4294967295", 4294967295],
  ["big", "9007199254740991", 9007199254740991],
  ["big", '"-9007199254740991"', -9007199254740991],
  ["big", "1.0000000000000000", 1],
  ["big_unsigned", "9007199254740991", 9007199254740991],
  ["maybe_big", "0", 0],
  ["fraction", "0.1", 0.1],
  ["fraction", '"1.5"', 1.5],
  ["fraction", "1e300", 1e300],
  ["small_fraction", "1.5", 1.5],
  ["data", '"AP8="', "AP8="],
  ["data", '"AP8"', "AP8="],
  ["data", '"_-8"', "/+8="],
  ["kind", '"small_thing"', "small_thing"],
  ["kind", '"Small_Thing"', "small_thing"],
  ["kind", '"KIND_BIG_THING"', "big_thing"],
  ["kind", '"kind_big_thing"', "big_thing"],
  ["maybe_kind", '"big_thing"', "big_thing"],
  ["starts_at", '"2025-01-21T10:00:00Z"', "2025-01-21T10:00:00.000000Z"],
  ["starts_at", '"2025-01-21t10:00:00.1z"', "2025-01-21T10:00:00.100000Z"],
  ["starts_at", '"2025-01-21T10:00:00.123456789+03:00"', "2025-01-21T07:00:00.123456Z"],
  ["starts_at", '"1969-12-31T23:59:59.999999Z"', "1969-12-31T23:59:59.999999Z"],
  ["starts_at", '"0001-01-01T00:00:00Z"', "0001-01-01T00:00:00.000000Z"],
  ["starts_at", '"2024-02-29"', "2024-02-29T00:00:00.000000Z"],
  ["expires_at", '"2026-12-31"', "2026-12-31T23:59:59.999999Z"],
  ["expires_at", '"2026-12-31T00:00:00Z"', "2026-12-31T00:00:00.000000Z"],
  ["tags", '["a", 5]', ["a", "5"]],
  ["tags", "[]", []],
  ["numbers", '[1, "2"]', [1, 2]],
  ["kinds", '["small_thing", "BIG_THING"]', ["small_thing", "big_thing"]],
  ["parts", '[{"name": "a", "quantity": 2}]', [{ name: "a", quantity: 2 }]],
  ["part", "{}", { name: "", quantity: 0 }],
  ["part", '{"unknown": {"deeper": []}, "name": null}', { name: "", quantity: 0 }],
  ["labels", '{"a": "b", "c": 1}', { a: "b", c: "1" }],
  ["labels", '{"constructor": "x"}', { constructor: "x" }],
  ["parts_by_number", '{"-3": {"name": "a"}}', { "-3": { name: "a", quantity: 0 } }],
  ["choice_text", '"a"', "a"],
  ["choice_part", '{"name": "a"}', { name: "a", quantity: 0 }],
  ["choice_at", '"2025-01-01"', "2025-01-01T00:00:00.000000Z"],
];

for (const [field, written, read] of goodValues) {
  test(`${field} takes ${written}`, async (t) => {
    const { status, answer } = await echo(`{"${field}": ${written}}`);
    t.is(status, 201);
    t.deepEqual(answer.data[field], read);
  });
}

const wholeNumber = "must be a whole number.";
const badValues: readonly [field: string, written: string, at: string, description: string][] = [
  ["text", "true", "text", "The text must be a string."],
  ["text", "{}", "text", "The text must be a string."],
  ["text", "[]", "text", "The text must be a string."],
  ["text", '"\\ud800"', "text", "The text must be well-formed Unicode."],
  ["text", "1e30", "text", "The text must be a number without an exponent."],
  ["text", "1.23456789012345678e1", "text", "The text must be a number without an exponent."],
  ["flag", '"true"', "flag", "The flag must be true or false."],
  ["flag", "1", "flag", "The flag must be true or false."],
  ["small", "1.5", "small", `The small ${wholeNumber}`],
  ["small", '"1.5"', "small", `The small ${wholeNumber}`],
  ["small", '""', "small", `The small ${wholeNumber}`],
  ["small", '" 1"', "small", `The small ${wholeNumber}`],
  ["small", '"0x10"', "small", `The small ${wholeNumber}`],
  ["small", "true", "small", `The small ${wholeNumber}`],
  ["small", "2147483648", "small", "The small must be from -2147483648 to 2147483647."],
  ["small_unsigned", "-1", "small_unsigned", "The small unsigned must be from 0 to 4294967295."],
  ["big", "9007199254740992", "big", "The big must be from -9007199254740991 to 9007199254740991."],
  ["big", '"99999999999999999999"', "big", "The big must be from -9007199254740991 to 9007199254740991."],
  ["big", "9007199254740990.5", "big", `The big ${wholeNumber}`],
  ["big", "1e400", "big", `The big ${wholeNumber}`],
  ["big_unsigned", "-1", "big_unsigned", "The big unsigned must be from 0 to 9007199254740991."],
  ["fraction", '"a"', "fraction", "The fraction must be a number."],
  ["fraction", "1e400", "fraction", "The fraction must be a number."],
  ["fraction", '"1e400"', "fraction", "The fraction is too large."],
  ["small_fraction", "1e39", "small_fraction", "The small fraction is too large."],
  ["data", '"A"', "data", "The data must be base64."],
  ["data", '"A*=="', "data", "The data must be base64."],
  ["data", "5", "data", "The data must be base64."],
  ["kind", '"tiny"', "kind", "The kind must be one of small_thing, big_thing."],
  ["kind", '"unspecified"', "kind", "The kind must be one of small_thing, big_thing."],
  ["kind", "1", "kind", "The kind must be one of small_thing, big_thing."],
  ...["2025-02-29", "2025-1-1", "2025-01-01T10:00", "2025-01-01T10:00:00", "2025-01-01T25:00:00Z", "soon", ""].map(
    (text): [string, string, string, string] => [
      "starts_at",
      `"${text}"`,
      "starts_at",
      "The starts at must be a date, or a date and time, as ISO 8601 writes them.",
    ],
  ),
  [
    "starts_at",
    '"0000-01-01"',
    "starts_at",
    "The starts at must be a date, or a date and time, as ISO 8601 writes them.",
  ],
  ["starts_at", "5", "starts_at", "The starts at must be a date, or a date and time, as ISO 8601 writes them."],
  ["tags", '"a"', "tags", "The tags must be an array."],
  ["tags", "{}", "tags", "The tags must be an array."],
  ["tags", '["a", null]', "tags.1", "The tags must be a string."],
  ["parts", '[{}, {"quantity": "x"}]', "parts.1.quantity", `The quantity ${wholeNumber}`],
  ["parts", "[[]]", "parts.0", "The parts must be an object."],
  ["part", "[]", "part", "The part must be an object."],
  ["part", '"a"', "part", "The part must be an object."],
  ["labels", "[]", "labels", "The labels must be an object."],
  ["labels", '{"a": true}', "labels.a", "The labels must be a string."],
  ["parts_by_number", '{"a": {}}', "parts_by_number.a", "A key of the parts by number must be a whole number."],
  [
    "choice_part",
    '{}, "choice_text": "a"',
    "choice_text",
    "The choice text cannot be given together with the choice part or the choice at.",
  ],
];

for (const [field, written, at, description] of badValues) {
  test(`${field} does not take ${written}`, async (t) => {
    const { status, answer } = await echo(`{"${field}": ${written}}`);
    t.is(status, 422);
    t.is(answer.code, "VALIDATION_ERROR");
    t.deepEqual(answer.errors, { [`everything.${at}`]: [description] });
  });
}

test("a field is known by its snake_case and by its camelCase name", async (t) => {
  const { answer } = await echo('{"maybeText": "a", "parts_by_number": {"1": {}}}');
  t.is(answer.data.maybe_text, "a");
  t.deepEqual(answer.data.parts_by_number, { "1": { name: "", quantity: 0 } });
});

test("everything that is wrong with a request is told at once", async (t) => {
  const response = await send(edge.url, "POST", "/echo/x", {
    body: { amount: [], everything: { text: {}, parts: [{ quantity: "x" }, 5] } },
  });
  const { errors } = (await response.json()) as Answer;
  t.deepEqual(Object.keys(errors ?? {}), [
    "id",
    "amount",
    "everything.text",
    "everything.parts.0.quantity",
    "everything.parts.1",
  ]);
});

test("of very many things that are wrong a hundred are told", async (t) => {
  const { status, answer } = await echo(JSON.stringify({ numbers: Array(10_000).fill("x") }));
  t.is(status, 422);
  t.is(Object.keys(answer.errors ?? {}).length, 100);
});

test("of a list that is too long that alone is told: its items are not read", (t) => {
  const reading = new Reading();
  const order = create(PlaceOrderRequestSchema);
  const items = Array.from({ length: 101 }, () => ({ product_id: "x" }));
  compileMessageReader(PlaceOrderRequestSchema)({ items }, order, "", reading);
  t.deepEqual(reading.violations, [{ field: "items", description: "The items must have at most 100 items." }]);
  t.deepEqual(order.items, []);
});

test("a map's key __proto__ is a key like any other, and no object is changed by it", async (t) => {
  const { answer } = await echo('{"labels": {"__proto__": "a"}, "__proto__": {"text": "b"}}');
  t.deepEqual(Object.entries(answer.data.labels as object), [["__proto__", "a"]]);
  t.is(answer.data.text, "");
});

test("messages nest 32 deep and no deeper", async (t) => {
  const nested = (levels: number) => `${'{"nested":'.repeat(levels)}{}${"}".repeat(levels)}`;
  t.is((await echo(nested(31))).status, 201);
  const { status, answer } = await echo(nested(32));
  t.is(status, 422);
  t.deepEqual(Object.values(answer.errors ?? {}), [["The nested is nested too deeply."]]);
});

test("the path says what a field is, whatever the body says", async (t) => {
  const response = await send(edge.url, "POST", "/echo/17", { body: { id: 18, everything: {} } });
  t.is(((await response.json()) as Answer).data.id, 17);
});

for (const [body, why] of [
  ["{", "is cut off"],
  ["[]", "is an array"],
  ["null", "is null"],
  ['"a"', "is a string"],
  ["12345678901234567890", "is a long number"],
  ["{} {}", "goes on"],
  [`${"[".repeat(200_000)}1111111111111111`, "nests deeper than anything can read"],
] as const) {
  test(`a body that ${why} is 400 MALFORMED_JSON`, async (t) => {
    const response = await send(edge.url, "POST", "/echo/17", { body });
    t.is(response.status, 400);
    t.is(((await response.json()) as Answer).code, "MALFORMED_JSON");
  });
}

test("a body that is not UTF-8 is 400 MALFORMED_JSON", async (t) => {
  const body = Buffer.from('{"text":"\xff"}', "latin1");
  const headers = { "content-type": "application/json" };
  const response = await send(edge.url, "POST", "/echo/17", { body, headers });
  t.is(response.status, 400);
  t.like(await response.json(), { code: "MALFORMED_JSON", message: "The body is not UTF-8" });
});

test("no body is an empty one", async (t) => {
  t.is((await send(edge.url, "POST", "/echo/17")).status, 201);
  t.is((await send(edge.url, "POST", "/echo/17", { body: "" })).status, 201);
});

test("a body over 1 MB is 400 BODY_TOO_LARGE", async (t) => {
  const response = await send(edge.url, "POST", "/echo/17", { body: " ".repeat(1_048_577) });
  t.is(response.status, 400);
  t.is(((await response.json()) as Answer).code, "BODY_TOO_LARGE");
});

test("a body that is not JSON is 400 UNSUPPORTED_MEDIA_TYPE", async (t) => {
  const response = await send(edge.url, "POST", "/echo/17", { body: new URLSearchParams({ amount: "1" }) });
  t.is(response.status, 400);
  t.is(((await response.json()) as Answer).code, "UNSUPPORTED_MEDIA_TYPE");
});

test("a body that no field comes from is not looked at", async (t) => {
  const response = await send(edge.url, "DELETE", "/members/me/things", { token: "user-17", body: "{" });
  t.is(response.status, 200);
});

const goodQueries: readonly [query: string, field: string, read: unknown][] = [
  ["kind=big_thing", "kind", "small_thing"],
  ["ids=1", "ids", [1]],
  ["ids=1&ids=2", "ids", [1, 2]],
  ["is_old=true", "is_old", true],
  ["isOld=1", "is_old", true],
  ["is_old=false", "is_old", false],
  ["is_old=0", "is_old", false],
  ["until=2025-01-01", "until", "2025-01-01T23:59:59.999999Z"],
  ["until=2025-01-01T10:00:00%2B01:00", "until", "2025-01-01T09:00:00.000000Z"],
  ["fraction=1.5", "fraction", 1.5],
  ["page=2", "page", 2],
  ["unknown=1&unknown=2&__proto__=3", "page", null],
];

for (const [query, field, read] of goodQueries) {
  test(`the query takes ${query}`, async (t) => {
    const { status, answer } = await search(query);
    t.is(status, 200);
    t.deepEqual((answer.data.things as Record<string, unknown>[])[0]?.[field], read);
  });
}

const badQueries: readonly [query: string, field: string, description: string][] = [
  ["page=1&page=2", "page", "The page must be given once."],
  ["page=", "page", "The page must be a whole number."],
  ["page=a", "page", "The page must be a whole number."],
  ["ids=1&ids=a", "ids.1", "The ids must be a whole number."],
  ["is_old=yes", "is_old", "The is old must be true or false."],
  ["until=now", "until", "The until must be a date, or a date and time, as ISO 8601 writes them."],
];

for (const [query, field, description] of badQueries) {
  test(`the query does not take ${query}`, async (t) => {
    const { status, answer } = await search(query);
    t.is(status, 422);
    t.deepEqual(answer.errors, { [field]: [description] });
  });
}

test("a path's variables are decoded, enums among them", async (t) => {
  const response = await send(edge.url, "GET", "/kinds/Big_Thing/things/a%2Fb%20%C3%A9/all.json");
  const { data } = (await response.json()) as Answer;
  const [thing] = data.things as Record<string, unknown>[];
  t.is(thing?.kind, "big_thing");
  t.is(thing?.name, "a/b é");
});
