import { type DescEnum, type DescField, type DescMessage, getOption, hasOption, ScalarType } from "@bufbuild/protobuf";
import { oneof as oneofRules } from "../../gen/buf/validate/validate_pb.ts";
import { BareDate, bare_date } from "../../gen/giftmesh/common/v1/rest_pb.ts";
import { fileLimits } from "./body-limits.ts";
import { isLeftOutUnset } from "./encode.ts";
import { enumNames } from "./enum-names.ts";
import { type Comments, defaultIn, isUnsetBefore, saysUnset } from "./openapi-comments.ts";
import type { Json, Schema } from "./openapi-document.ts";
import { type FieldExamples, instantExample } from "./openapi-examples.ts";
import type { SchemaNames } from "./openapi-names.ts";
import { examplesOf, limitsOf, rulesOf, valueLimits } from "./openapi-rules.ts";

/** What a schema describes: what clients send, as JSON or as a form, or what they are sent. */
export type Use = "request" | "form" | "response";

const suffixes: Readonly<Record<Use, string>> = { request: "Input", form: "Form", response: "" };

/** The component schemas of a document: one for each enum, and for each message by its use. */
export class Schemas {
  readonly components: Record<string, Schema> = {};
  private readonly given = new Map<string, string>();
  readonly comments: Comments;
  private readonly examples: FieldExamples;
  private readonly names: SchemaNames;

  constructor(comments: Comments, examples: FieldExamples, names: SchemaNames) {
    this.comments = comments;
    this.examples = examples;
    this.names = names;
  }

  /** A reference to the schema of a message; `except` are fields that come from elsewhere. */
  message(type: DescMessage, use: Use, except: readonly DescField[] = []): Schema {
    const key = `${use} ${type.typeName} ${except.map(({ name }) => name)}`;
    return this.component(key, this.nameOf(type, use), () => {
      const fields = type.fields.filter((field) => !except.includes(field));
      const required = fields.filter((field) => (use === "response" ? !isLeftOutUnset(field) : this.isRequired(field)));
      const choices = type.oneofs.filter((one) => hasOption(one, oneofRules) && getOption(one, oneofRules).required);
      const hasChoices = use !== "response" && choices.length > 0;
      return {
        type: "object",
        description: this.comments.of(type),
        properties: Object.fromEntries(fields.map((field) => [field.name, this.field(field, use)])),
        ...(required.length > 0 && { required: required.map(({ name }) => name) }),
        ...(hasChoices && {
          allOf: choices.map((one) => ({ oneOf: one.fields.map(({ name }) => ({ required: [name] })) })),
        }),
      };
    });
  }

  /** Whether a request must have a field. */
  isRequired(field: DescField): boolean {
    return rulesOf(field)?.required ?? false;
  }

  /** The schema of a field, described by its comment. In a response, one that may be unset is null then. */
  field(field: DescField, use: Use): Schema {
    const value = this.value(field, use);
    const comment = this.comments.of(field);
    const description = [comment, use === "response" ? "" : notesOn(field)].filter(Boolean).join(" ");
    if (use === "response" && isLeftOutUnset(field)) {
      // What most are not told is not in their examples.
      const { examples, ...shown } = value;
      return { ...shown, description };
    }
    if (use !== "response" || !mayBeUnset(field, comment)) return { ...value, description };
    const before = isUnsetBefore(comment) && { examples: [null] };
    if (value.$ref) return { anyOf: [value, { type: "null" }], ...before, description };
    if (before) return { ...value, type: [String(value.type), "null"], ...before, description };
    return { ...value, type: [String(value.type), "null"], examples: value.examples ?? [null], description };
  }

  private nameOf(type: DescMessage, use: Use): string {
    const name = this.names.of(type);
    return use === "request" && name.endsWith("Request") ? name : name + suffixes[use];
  }

  private value(field: DescField, use: Use): Schema {
    // A file's limit is told in words: JSON Schema counts the characters of texts only.
    const isFile = use === "form" && field.scalar === ScalarType.BYTES;
    const rules = use === "response" || isFile ? undefined : rulesOf(field);
    const example = this.examples.of(field);
    const unset = use === "response" ? undefined : this.unsetMeans(field);
    const told: Schema = {
      ...(unset !== undefined && { default: unset }),
      ...(example !== undefined && { examples: [example] }),
    };
    switch (field.fieldKind) {
      case "list": {
        const items = rules?.type.case === "repeated" ? rules.type.value.items : undefined;
        const item = { ...this.item(field, use), ...valueLimits(field, items) };
        return { type: "array", items: item, ...limitsOf(field, rules), ...told };
      }
      case "map":
        return { type: "object", additionalProperties: this.item(field, use), ...told };
      default:
        return { ...this.item(field, use), ...limitsOf(field, rules), ...told };
    }
  }

  /** What an unset field is taken for, by its comment. */
  private unsetMeans(field: DescField): Json | undefined {
    const text = defaultIn(this.comments.of(field));
    return text === undefined || field.enum || field.scalar === ScalarType.STRING ? text : Number(text);
  }

  private item(field: DescField, use: Use): Schema {
    if (field.enum) return this.enumeration(field.enum);
    if (use === "request" && isAmount(field)) return { type: ["string", "number"] };
    if (!field.message) return use === "form" ? formSchema(field.scalar) : scalarSchema(field.scalar);
    if (field.message.typeName === "google.protobuf.Timestamp") {
      return { type: "string", format: "date-time", examples: [instantExample] };
    }
    return this.message(field.message, use);
  }

  private enumeration(type: DescEnum): Schema {
    return this.component(type.typeName, this.names.of(type), () => {
      const names = enumNames(type);
      const named = type.values.filter(({ number }) => names.has(number));
      const meanings = named.map((value) => `- \`${names.get(value.number)}\`: ${this.comments.of(value)}`);
      const description = [this.comments.of(type), "", ...meanings].join("\n");
      return { type: "string", description, enum: [...names.values()] };
    });
  }

  /** The component has its name before it is described: a message may hold itself. */
  private component(key: string, name: string, describe: () => Schema): Schema {
    let unique = this.given.get(key);
    if (unique === undefined) {
      unique = name;
      for (let count = 2; this.components[unique]; count++) unique = `${name}${count}`;
      this.given.set(key, unique);
      this.components[unique] = {};
      this.components[unique] = describe();
    }
    return { $ref: `#/components/schemas/${unique}` };
  }
}

/** What cannot be seen of a message, and of an enum whose zero has no name, is in its comment. */
function mayBeUnset(field: DescField, comment: string): boolean {
  if (field.proto.proto3Optional || field.oneof !== undefined || field.message === field.parent) return true;
  return (field.fieldKind === "message" || field.fieldKind === "enum") && saysUnset(comment);
}

/** Whether a text's example is a decimal fraction: clients may send it as a number too. */
function isAmount(field: DescField): boolean {
  return field.scalar === ScalarType.STRING && /^[0-9]+\.[0-9]+$/.test(String(examplesOf(field)[0]));
}

/** What is to be known of a field that neither its comment nor JSON Schema says. */
function notesOn(field: DescField): string {
  if (field.message?.typeName === "google.protobuf.Timestamp") {
    const end = getOption(field, bare_date) === BareDate.END_OF_DAY;
    return `A bare date such as \`2025-01-21\` is the ${end ? "end" : "start"} of that day, UTC.`;
  }
  const limit = fileLimits(field.parent).get(field);
  return limit ? `At most ${limit} bytes.` : "";
}

function formSchema(type: ScalarType): Schema {
  if (type === ScalarType.BYTES) return { type: "string", format: "binary" };
  return scalarSchema(type);
}

function scalarSchema(type: ScalarType): Schema {
  switch (type) {
    case ScalarType.STRING:
      return { type: "string" };
    case ScalarType.BOOL:
      return { type: "boolean" };
    case ScalarType.BYTES:
      return { type: "string", contentEncoding: "base64" };
    case ScalarType.DOUBLE:
      return { type: "number", format: "double" };
    case ScalarType.FLOAT:
      return { type: "number", format: "float" };
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return { type: "integer", format: "int32" };
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return { type: "integer", minimum: 0, maximum: 2 ** 32 - 1 };
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return { type: "integer", format: "int64", maximum: Number.MAX_SAFE_INTEGER };
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return { type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER };
    default:
      return type satisfies never;
  }
}
