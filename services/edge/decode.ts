import { create, type DescField, type DescMessage, getOption, type Message } from "@bufbuild/protobuf";
import { BareDate, bare_date } from "../../gen/giftmesh/common/v1/rest_pb.ts";
import { listLimitOf } from "../platform/rpc/list-limits.ts";
import {
  enumReader,
  type Reading,
  type ReadValue,
  type Source,
  scalarReader,
  timestampReader,
} from "./decode-value.ts";
import { FormFile } from "./form.ts";
import { type Json, type JsonObject, NumberText } from "./json-text.ts";

/** How deep a body's messages may nest. */
const deepest = 32;

/** Sets a message's fields from a JSON object; names that are no field's are ignored. */
export type ReadMessage = (object: JsonObject, message: Message, path: string, reading: Reading) => void;

/** Sets a message's fields from named texts or files; names that are no field's are ignored. */
export type ReadTexts = (texts: Readonly<Record<string, unknown>>, message: Message, reading: Reading) => void;

type Fields = Record<string, unknown>;
type SetField = (fields: Fields, value: Json, path: string, reading: Reading) => void;

/** Compiled readers of whole messages: a message may hold itself. */
const compiled = new WeakMap<DescMessage, ReadMessage>();

/** Compiles the reader of a JSON object into a message; `except` are fields that come from elsewhere. */
export function compileMessageReader(type: DescMessage, except: readonly DescField[] = []): ReadMessage {
  const known = except.length === 0 ? compiled.get(type) : undefined;
  if (known) return known;

  const setters = new Map<string, { readonly name: string; readonly set: SetField }>();
  const readMessage: ReadMessage = (object, message, path, reading) => {
    for (const name of Object.keys(object)) {
      const field = setters.get(name);
      const value = object[name];
      if (field && value !== null && value !== undefined) {
        field.set(message as unknown as Fields, value, path + field.name, reading);
      }
    }
  };
  if (except.length === 0) compiled.set(type, readMessage);

  for (const field of type.fields) {
    if (except.includes(field)) continue;
    const setter = { name: field.name, set: fieldSetter(field, valueReader(field)) };
    setters.set(field.name, setter);
    setters.set(field.jsonName, setter);
  }
  return readMessage;
}

/**
 * Compiles the reader of named texts, of a path, a query or a form, into some of a message's fields. Throws an Error at
 * a field that text cannot hold.
 */
export function compileTextReader(fields: readonly DescField[], source: Exclude<Source, "json">): ReadTexts {
  const setters = new Map<string, { readonly name: string; readonly isList: boolean; readonly set: SetField }>();
  for (const field of fields) {
    const isList = field.fieldKind === "list";
    const setter = { name: field.name, isList, set: fieldSetter(field, textReader(field, source)) };
    setters.set(field.name, setter);
    setters.set(field.jsonName, setter);
  }
  return (texts, message, reading) => {
    for (const name of Object.keys(texts)) {
      const field = setters.get(name);
      if (!field) continue;
      const value = texts[name] as string | string[];
      if (Array.isArray(value) && !field.isList) {
        reading.refuse(field.name, `${subjectOf(field)} must be given once.`);
      } else {
        const list = field.isList && !Array.isArray(value) ? [value] : value;
        field.set(message as unknown as Fields, list, field.name, reading);
      }
    }
  };
}

/** How a sentence about a field begins: `The member id`. */
export function subjectOf(field: { readonly name: string }): string {
  return `The ${field.name.replaceAll("_", " ")}`;
}

function fieldSetter(field: DescField, read: ReadValue): SetField {
  const { localName, oneof } = field;
  if (!oneof) {
    return (fields, value, path, reading) => {
      const result = read(value, path, reading);
      if (result !== undefined) fields[localName] = result;
    };
  }
  const others = oneof.fields.filter((other) => other !== field).map(({ name }) => name.replaceAll("_", " "));
  const refusal = `${subjectOf(field)} cannot be given together with the ${others.join(" or the ")}.`;
  return (fields, value, path, reading) => {
    const chosen = fields[oneof.localName] as { readonly case: string | undefined };
    if (chosen.case !== undefined && chosen.case !== localName) return reading.refuse(path, refusal);
    const result = read(value, path, reading);
    if (result !== undefined) fields[oneof.localName] = { case: localName, value: result };
  };
}

function valueReader(field: DescField): ReadValue {
  switch (field.fieldKind) {
    case "list":
      return listReader(field, itemReader(field, "json"));
    case "map":
      return mapReader(field, itemReader(field, "json"));
    default:
      return itemReader(field, "json");
  }
}

function textReader(field: DescField, source: Source): ReadValue {
  if (field.fieldKind === "map" || (field.message && !isTimestamp(field.message))) {
    throw new Error(`${field.parent.typeName}: ${field.name} cannot be given as text`);
  }
  const item = itemReader(field, source);
  return field.fieldKind === "list" ? listReader(field, item) : item;
}

/** Reads the field's value, or one item of it. */
function itemReader(field: DescField, source: Source): ReadValue {
  const subject = subjectOf(field);
  if (field.enum) return enumReader(field.enum, subject);
  if (!field.message) return scalarReader(field.scalar, subject, source);
  if (isTimestamp(field.message)) {
    return timestampReader(subject, getOption(field, bare_date) === BareDate.END_OF_DAY ? "end" : "start");
  }
  return objectReader(field.message, subject);
}

function objectReader(type: DescMessage, subject: string): ReadValue {
  if (type.typeName.startsWith("google.protobuf.")) throw new Error(`${type.typeName} is not known to the edge`);
  const readMessage = compileMessageReader(type);
  return (value, path, reading) => {
    if (!isObject(value)) return reading.refuse(path, `${subject} must be an object.`);
    if (reading.depth === deepest) return reading.refuse(path, `${subject} is nested too deeply.`);
    reading.depth++;
    const message = create(type);
    readMessage(value, message, `${path}.`, reading);
    reading.depth--;
    return message;
  };
}

function listReader(field: DescField, readItem: ReadValue): ReadValue {
  const subject = subjectOf(field);
  const limit = listLimitOf(field);
  return (value, path, reading) => {
    if (!Array.isArray(value)) return reading.refuse(path, `${subject} must be an array.`);
    if (limit && value.length > limit.mostItems) return reading.refuse(path, limit.tooMany.description);
    const items: unknown[] = [];
    for (const [index, item] of value.entries()) {
      const result = readItem(item, `${path}.${index}`, reading);
      if (result !== undefined) items.push(result);
    }
    return items;
  };
}

function mapReader(field: DescField & { fieldKind: "map" }, readItem: ReadValue): ReadValue {
  const subject = subjectOf(field);
  const readKey = scalarReader(field.mapKey, `A key of ${subject.toLowerCase()}`, "text");
  return (value, path, reading) => {
    if (!isObject(value)) return reading.refuse(path, `${subject} must be an object.`);
    const entries: [string, unknown][] = [];
    for (const [name, item] of Object.entries(value)) {
      const key = readKey(name, `${path}.${name}`, reading);
      const result = readItem(item, `${path}.${name}`, reading);
      if (key !== undefined && result !== undefined) entries.push([String(key), result]);
    }
    // Unlike an assignment, this makes an entry of `__proto__` too.
    return Object.fromEntries(entries);
  };
}

function isTimestamp(type: DescMessage): boolean {
  return type.typeName === "google.protobuf.Timestamp";
}

function isObject(value: Json | FormFile): value is JsonObject {
  if (value instanceof NumberText || value instanceof FormFile) return false;
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
