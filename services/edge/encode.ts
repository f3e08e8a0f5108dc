import { type DescField, type DescMessage, getOption, type Message, ScalarType } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { left_out_unset } from "../../gen/giftmesh/common/v1/rest_pb.ts";
import { instantText } from "../platform/instant-text.ts";
import { enumNames } from "./enum-names.ts";

/** Writes a value as JSON text. */
export type WriteValue = (value: unknown) => string;

type Fields = Readonly<Record<string, unknown>>;
type OneofValue = { readonly case?: string | undefined; readonly value?: unknown };

/** Compiled writers of whole messages: a message may hold itself. */
const compiled = new WeakMap<DescMessage, WriteValue>();

/**
 * Compiles the writer of a message: every field by its name in the proto, in the proto's order, and null where it is
 * not set, or nothing where it is to be left out then. 64-bit integers are JSON numbers, enums are the names that clients
 * know, bytes are base64.
 */
export function compileMessageWriter(type: DescMessage): WriteValue {
  const known = compiled.get(type);
  if (known) return known;
  if (type.typeName === "google.protobuf.Timestamp") return writeTimestamp;
  if (type.typeName.startsWith("google.protobuf.")) throw new Error(`${type.typeName} is not known to the edge`);

  const fields: { readonly start: string; readonly write: (message: Fields) => string; readonly leftOut?: string }[] =
    [];
  const writeMessage: WriteValue = (value) => {
    let text = "";
    for (const { start, write, leftOut } of fields) {
      if (leftOut === undefined || (value as Fields)[leftOut] !== undefined) text += start + write(value as Fields);
    }
    return text === "" ? "{}" : `${text}}`;
  };
  compiled.set(type, writeMessage);
  for (const field of type.fields) {
    const start = `${fields.length === 0 ? "{" : ","}"${field.name}":`;
    const leftOut = isLeftOutUnset(field) ? { leftOut: field.localName } : {};
    fields.push({ start, write: compileFieldWriter(field), ...leftOut });
  }
  return writeMessage;
}

/** Whether a field is left out of an answer where it is unset. */
export function isLeftOutUnset(field: DescField): boolean {
  return getOption(field, left_out_unset);
}

/** Compiles the writer of one field of a message. */
export function compileFieldWriter(field: DescField): (message: Message | Fields) => string {
  const { localName, oneof } = field;
  const write = valueWriter(field);
  if (oneof) {
    return (message) => {
      const chosen = (message as Fields)[oneof.localName] as OneofValue;
      return chosen.case === localName ? write(chosen.value) : "null";
    };
  }
  return (message) => {
    const value = (message as Fields)[localName];
    return value === undefined ? "null" : write(value);
  };
}

function valueWriter(field: DescField): WriteValue {
  const write = itemWriter(field);
  switch (field.fieldKind) {
    case "list":
      return (value) => {
        let text = "";
        for (const item of value as readonly unknown[]) text += text === "" ? write(item) : `,${write(item)}`;
        return `[${text}]`;
      };
    case "map":
      return (value) => {
        const entries = Object.entries(value as Fields);
        return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${write(item)}`).join(",")}}`;
      };
    default:
      return write;
  }
}

function itemWriter(field: DescField): WriteValue {
  if (field.message) return compileMessageWriter(field.message);
  if (field.enum) {
    const names = new Map([...enumNames(field.enum)].map(([number, name]) => [number, `"${name}"`]));
    return (value) => names.get(value as number) ?? "null";
  }
  switch (field.scalar) {
    case ScalarType.STRING:
      return (value) => JSON.stringify(value);
    case ScalarType.BYTES:
      return (value) => `"${Buffer.from(value as Uint8Array).toString("base64")}"`;
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      // JSON has no infinity: it is null, as JSON.stringify has it.
      return (value) => (Number.isFinite(value) ? String(value) : "null");
    default:
      return String;
  }
}

function writeTimestamp(value: unknown): string {
  return `"${instantText(value as Timestamp)}"`;
}
