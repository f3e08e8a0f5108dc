import { readFileSync } from "node:fs";
import {
  create,
  createFileRegistry,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  setExtension,
} from "@bufbuild/protobuf";
import {
  FieldDescriptorProtoSchema,
  FieldOptionsSchema,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  file_google_protobuf_timestamp,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  timestampFromMs,
} from "@bufbuild/protobuf/wkt";
import test from "ava";
import { FieldRulesSchema, field as rulesOf } from "../../../gen/buf/validate/validate_pb.ts";
import {
  ListDeadDeliveriesResponseSchema,
  ReplayDeliveriesRequestSchema,
} from "../../../gen/giftmesh/payment/v1/data_platform_service_pb.ts";
import { PlaceOrderRequestSchema } from "../../../gen/giftmesh/payment/v1/order_service_pb.ts";
import {
  RegisterRequestSchema,
  RequestVerificationRequestSchema,
} from "../../../gen/giftmesh/profile/v1/auth_service_pb.ts";
import {
  BatchTransferRequestSchema,
  GetWalletRequestSchema,
} from "../../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import { ListTransactionsRequestSchema } from "../../../gen/giftmesh/wallet/v1/points_service_pb.ts";
import { InvalidFields } from "../refusal.ts";
import { transferRequest } from "./testing/ledger.ts";
import { findViolations, validate } from "./validation.ts";

type Rules = MessageInitShape<typeof FieldRulesSchema>;
interface Case {
  readonly type: Type;
  readonly rules: Rules;
  readonly bad: unknown;
  readonly sentence: string;
}

const email = { case: "string", value: { wellKnown: { case: "email", value: true } } } as const;
const uri = { case: "string", value: { wellKnown: { case: "uri", value: true } } } as const;
const uuid = { case: "string", value: { wellKnown: { case: "uuid", value: true } } } as const;

const cases: readonly Case[] = [
  { type: Type.STRING, rules: { required: true }, bad: "", sentence: "The nick name field is required." },
  { type: Type.STRING, rules: string({ len: 3n }), bad: "ab", sentence: "The nick name must be 3 characters." },
  {
    type: Type.STRING,
    rules: string({ minLen: 8n }),
    bad: "é",
    sentence: "The nick name must be at least 8 characters.",
  },
  {
    type: Type.STRING,
    rules: string({ minLen: 1n }),
    bad: "",
    sentence: "The nick name must be at least 1 character.",
  },
  {
    type: Type.STRING,
    rules: string({ maxLen: 2n }),
    bad: "abc",
    sentence: "The nick name must be at most 2 characters.",
  },
  {
    type: Type.STRING,
    rules: string({ maxBytes: 2n }),
    bad: "éé",
    sentence: "The nick name must be at most 2 bytes.",
  },
  {
    type: Type.STRING,
    rules: string({ pattern: "^[0-9]{2}$" }),
    bad: "1",
    sentence: "The nick name format is invalid.",
  },
  {
    type: Type.STRING,
    rules: string({ pattern: "^([a-z]+-)*[a-z]+$" }),
    bad: `${"a".repeat(40)}!`,
    sentence: "The nick name format is invalid.",
  },
  {
    type: Type.STRING,
    rules: string({ pattern: "(?i)^a\\z" }),
    bad: "b",
    sentence: "The nick name format is invalid.",
  },
  { type: Type.STRING, rules: string({ in: ["a"] }), bad: "b", sentence: "The selected nick name is invalid." },
  { type: Type.STRING, rules: { type: email }, bad: "a@", sentence: "The nick name must be a valid email address." },
  { type: Type.STRING, rules: { type: email }, bad: "", sentence: "The nick name must be a valid email address." },
  { type: Type.STRING, rules: { type: uri }, bad: "not a uri", sentence: "The nick name must be a valid URI." },
  { type: Type.STRING, rules: { type: uuid }, bad: "", sentence: "The nick name must be a valid UUID." },
  {
    type: Type.INT32,
    rules: int32({ greaterThan: { case: "gte", value: 1 } }),
    bad: 0,
    sentence: "The nick name must be at least 1.",
  },
  {
    type: Type.INT32,
    rules: int32({ greaterThan: { case: "gt", value: -5 } }),
    bad: -5,
    sentence: "The nick name must be greater than -5.",
  },
  {
    type: Type.INT32,
    rules: int32({ lessThan: { case: "lte", value: 9 } }),
    bad: 10,
    sentence: "The nick name must be at most 9.",
  },
  {
    type: Type.INT32,
    rules: int32({ lessThan: { case: "lt", value: 9 } }),
    bad: 9,
    sentence: "The nick name must be less than 9.",
  },
  {
    type: Type.INT32,
    rules: int32({ greaterThan: { case: "gte", value: 1 }, lessThan: { case: "lte", value: 100 } }),
    bad: 101,
    sentence: "The nick name must be between 1 and 100.",
  },
  {
    type: Type.INT64,
    rules: { type: { case: "int64", value: { greaterThan: { case: "gte", value: 1n } } } },
    bad: -1n,
    sentence: "The nick name must be at least 1.",
  },
  {
    type: Type.BYTES,
    rules: { type: { case: "bytes", value: { minLen: 2n } } },
    bad: new Uint8Array(1),
    sentence: "The nick name must be at least 2 bytes.",
  },
  {
    type: Type.BYTES,
    rules: { type: { case: "bytes", value: { maxLen: 1n } } },
    bad: new Uint8Array(2),
    sentence: "The nick name must be at most 1 byte.",
  },
  {
    type: Type.MESSAGE,
    rules: { type: { case: "timestamp", value: { lessThan: { case: "ltNow", value: true } } } },
    bad: timestampFromMs(4e12),
    sentence: "The nick name must be in the past.",
  },
  {
    type: Type.MESSAGE,
    rules: { type: { case: "timestamp", value: { greaterThan: { case: "gtNow", value: true } } } },
    bad: timestampFromMs(0),
    sentence: "The nick name must be in the future.",
  },
  { type: Type.MESSAGE, rules: { required: true }, bad: undefined, sentence: "The nick name field is required." },
  {
    type: Type.STRING,
    rules: { cel: [{ id: "shout", message: "must be loud", expression: "this == 'HEY'" }] },
    bad: "hey",
    sentence: "The nick name must be loud.",
  },
];

for (const { type, rules, bad, sentence } of cases) {
  test(`${describe(bad)} where the rule is ${describe(rules)}: "${sentence}"`, (t) => {
    const schema = messageOf(type, Label.OPTIONAL, rules);
    t.deepEqual(violations(schema, { nickName: bad }), { nick_name: sentence });
  });
}

const lists: readonly Case[] = [
  {
    type: Type.STRING,
    rules: repeated({ minItems: 1n }),
    bad: [],
    sentence: "The nick name must have at least 1 item.",
  },
  {
    type: Type.STRING,
    rules: repeated({ maxItems: 2n }),
    bad: ["a", "b", "c"],
    sentence: "The nick name must have at most 2 items.",
  },
  {
    type: Type.STRING,
    rules: repeated({ unique: true }),
    bad: ["a", "a"],
    sentence: "The nick name must not repeat an item.",
  },
];

for (const { type, rules, bad, sentence } of lists) {
  test(`a list ${describe(rules)}: "${sentence}"`, (t) => {
    t.deepEqual(violations(messageOf(type, Label.REPEATED, rules), { nickName: bad }), { nick_name: sentence });
  });
}

test("an item that breaks a rule is named by its index", (t) => {
  const schema = messageOf(Type.STRING, Label.REPEATED, repeated({ items: string({ minLen: 2n }) }));
  t.deepEqual(violations(schema, { nickName: ["ab", "c", "de", ""] }), {
    "nick_name.1": "The nick name must be at least 2 characters.",
    "nick_name.3": "The nick name must be at least 2 characters.",
  });
});

test("a field with several broken rules is told of once, of what is required first", (t) => {
  t.deepEqual(violations(RegisterRequestSchema, { username: "a!", password: "", email: "" }), {
    username: "The username must be at least 3 characters.",
    password: "The password field is required.",
    email: "The email must be a valid email address.",
  });
});

test("an enum value that does not exist names its field", (t) => {
  t.deepEqual(violations(RequestVerificationRequestSchema, { channel: 99 }), {
    channel: "The selected channel is invalid.",
  });
  t.deepEqual(violations(ListTransactionsRequestSchema, { memberId: "me", type: 0 }), {
    type: "The selected type is invalid.",
  });
});

test("an optional field that is not set breaks no rule", (t) => {
  t.deepEqual(violations(ListTransactionsRequestSchema, { memberId: "me" }), {});
});

test("a field of a field is named by its path, in snake_case", (t) => {
  const [good, bad] = [transferRequest(), transferRequest()];
  bad.amount = { ...bad.amount, currencyCode: "sar", minorUnits: 0n } as NonNullable<typeof bad.amount>;
  bad.debit = { ...bad.debit, owner: { case: undefined } } as NonNullable<typeof bad.debit>;
  t.deepEqual(violations(BatchTransferRequestSchema, { requests: [good, bad] }), {
    "requests.1.amount": "The amount must be greater than 0.",
    "requests.1.amount.currency_code": "The currency code format is invalid.",
    "requests.1.debit.owner": "The owner field is required.",
  });
});

test("a oneof of which one field is needed is named itself", (t) => {
  t.deepEqual(violations(GetWalletRequestSchema, {}), { key: "The key field is required." });
});

const noInstants = [
  { seconds: 253_402_300_800n, nanos: 0 },
  { seconds: -62_135_596_801n, nanos: 999_999_999 },
  { seconds: 2n ** 63n - 1n, nanos: 0 },
  { seconds: -(2n ** 63n), nanos: 0 },
  { seconds: 0n, nanos: -1 },
  { seconds: 0n, nanos: 1_000_000_000 },
];

for (const instant of noInstants) {
  test(`${describe(instant)} is no instant, wherever in a message it is`, (t) => {
    const sentence = (name: string) => `The ${name} must be an instant of the years 1 to 9999.`;
    t.deepEqual(violations(ListTransactionsRequestSchema, { memberId: "", from: instant, to: instant }), {
      from: sentence("from"),
      to: sentence("to"),
      member_id: "The member id field is required.",
    });
    t.deepEqual(violations(ReplayDeliveriesRequestSchema, { selection: { case: "from", value: instant } }), {
      from: sentence("from"),
    });
    const deliveries = [{}, { occurredAt: instant }];
    t.deepEqual(violations(ListDeadDeliveriesResponseSchema, { deliveries }), {
      "deliveries.1.occurred_at": sentence("occurred at"),
    });
    t.deepEqual(violations(messageOf(Type.MESSAGE, Label.REPEATED, {}), { nickName: [{}, instant] }), {
      "nick_name.1": sentence("nick name"),
    });
  });
}

test("the first instant of the year 1 and the last of 9999 are instants", (t) => {
  const [from, to] = [
    { seconds: -62_135_596_800n, nanos: 0 },
    { seconds: 253_402_300_799n, nanos: 999_999_999 },
  ];
  t.deepEqual(violations(ListTransactionsRequestSchema, { memberId: "me", from, to }), {});
});

test("of a list that is too long nothing else is told: it is not gone through", (t) => {
  const items = Array.from({ length: 101 }, () => ({}));
  t.deepEqual(violations(PlaceOrderRequestSchema, { userId: "", items }), {
    items: "The items must have at most 100 items.",
  });
  t.deepEqual(violations(PlaceOrderRequestSchema, { userId: "me", items: items.slice(0, 1) }), {
    "items.0.product_id": "The product id field is required.",
    "items.0.quantity": "The quantity field is required.",
  });
});

test("no more than 100 violations are told", (t) => {
  const requests = Array.from({ length: 200 }, () => transferRequest({ id: "" }));
  const batch = create(BatchTransferRequestSchema, { requests });
  const error = t.throws(() => validate(BatchTransferRequestSchema, batch), { instanceOf: InvalidFields });
  t.is(error?.fields.length, 100);
});

test("every rule in proto/ can be read, and one that cannot says so", (t) => {
  const descriptors = readFileSync(new URL("../../../gen/descriptors.binpb", import.meta.url));
  const proto = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
  const messages = Array.from(proto).filter((one) => one.kind === "message");
  t.true(messages.length > 100);
  for (const message of messages) t.notThrows(() => findViolations(message, create(message)), message.typeName);
  const nonsense = { cel: [{ id: "nonsense", message: "", expression: "this.is.not(" }] };
  const unreadable = messageOf(Type.STRING, Label.OPTIONAL, nonsense);
  t.throws(() => validate(unreadable, create(unreadable)));
});

function violations(schema: DescMessage, init: object): Record<string, string> {
  try {
    validate(schema, create(schema, init as Record<string, unknown>));
    return {};
  } catch (error) {
    if (!(error instanceof InvalidFields)) throw error;
    return Object.fromEntries(error.fields.map(({ field, description }) => [field, description]));
  }
}

/** A message with one field, `nick_name`, that the rules are on. */
function messageOf(type: Type, label: Label, rules: Rules): DescMessage {
  const options = create(FieldOptionsSchema);
  setExtension(options, rulesOf, create(FieldRulesSchema, rules));
  const typeName = type === Type.MESSAGE ? { typeName: ".google.protobuf.Timestamp" } : {};
  const field = create(FieldDescriptorProtoSchema, {
    name: "nick_name",
    number: 1,
    type,
    label,
    options,
    ...typeName,
  });
  const file = create(FileDescriptorProtoSchema, {
    name: "some.proto",
    syntax: "proto3",
    dependency: ["google/protobuf/timestamp.proto"],
    messageType: [{ name: "Some", field: [field] }],
  });
  const message = createFileRegistry(file, () => file_google_protobuf_timestamp.proto).getMessage("Some");
  if (!message) throw new Error("The message was not made");
  return message;
}

type RulesOf<C> = Extract<NonNullable<Extract<Rules, { $typeName?: never }>["type"]>, { case: C }>["value"];

function string(value: RulesOf<"string">): Rules {
  return { type: { case: "string", value } };
}

function int32(value: RulesOf<"int32">): Rules {
  return { type: { case: "int32", value } };
}

function repeated(value: RulesOf<"repeated">): Rules {
  return { type: { case: "repeated", value } };
}

function describe(value: unknown): string {
  return JSON.stringify(value, (_, part) => (typeof part === "bigint" ? Number(part) : part));
}
