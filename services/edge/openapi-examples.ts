import { type DescField, type Registry, ScalarType } from "@bufbuild/protobuf";
import { subjectOf } from "./decode.ts";
import type { Comments } from "./openapi-comments.ts";
import type { Json, Schema } from "./openapi-document.ts";
import { examplesOf, limitsOf, rulesOf } from "./openapi-rules.ts";

/** An instant as the edge writes it. */
export const instantExample = "2025-01-21T10:00:00.000000Z";

/** A gif, in base64. */
const onePixel = "R0lGODlhAQABAIAAAP+IAAAAACwAAAAAAQABAAACAkQBADs=";

/** What a comment says of a text without giving one, by the words of the HTTP contract. */
const byComment: readonly (readonly [RegExp, string])[] = [
  [/\bISO 4217\b/, "SAR"],
  [/\b(decimal|balance)\b/i, "200.00"],
  [/\bemail address\b/i, "sara@example.com"],
  [/\bE\.164\b/, "+966501234567"],
  [/\bJWT\b/, "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxNyJ9.c2lnbmF0dXJl"],
  [/\bbase64url\b/, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIuaGJGJgc"],
];

/** What a field's name says that it holds. */
const byName: readonly (readonly [RegExp, Json])[] = [
  [/_(at|until)$/, instantExample],
  [/(^|_)(amount|balance|price|total)(_|$)/, "200.00"],
  [/(^|_)currency(_code)?$/, "SAR"],
  [/(^|_)email$/, "sara@example.com"],
  [/(^|_)phone(_number)?$/, "+966501234567"],
  [/(^|_)url$/, "https://example.com/flowers.webp"],
  [/(^|_)token$/, "dGhlIHNlY3JldCBvZiBhIHNlc3Npb24"],
  [/^expires_in$/, 900],
];

/**
 * Finds examples for fields. One that has none by its own rules takes what its comment quotes ("Key type: `OKP`"), that
 * of a field of the same name and kind, of its own file or else its own package, or what its comment or its name says
 * that it is.
 */
export class FieldExamples {
  private readonly given = new Map<string, { readonly field: DescField; readonly example: Json }[]>();
  private readonly comments: Comments;

  constructor(registry: Registry, comments: Comments) {
    this.comments = comments;
    for (const type of registry) {
      if (type.kind !== "message") continue;
      for (const field of type.fields) this.add(field);
    }
  }

  /** An example of what a field holds; undefined where there is nothing to make one of. */
  of(field: DescField): Json | undefined {
    const comment = this.comments.of(field);
    return (
      examplesOf(field)[0] ??
      quotedIn(comment, field) ??
      this.ofNamesake(field) ??
      saidBy(comment, field) ??
      this.ofItem(field) ??
      namedBy(field)
    );
  }

  /** Of texts in a list, one that a field has which is named as one of them: `colors`, and `color`. */
  private ofItem(field: DescField): Json | undefined {
    if (field.fieldKind !== "list" || field.scalar !== ScalarType.STRING || rulesOf(field)) return undefined;
    const name = field.name.replace(/ies$/, "y").replace(/s$/, "");
    const [one] = this.given.get(key({ name, fieldKind: "scalar", scalar: field.scalar, enum: undefined })) ?? [];
    const item = one?.example ?? byName.find(([form, example]) => form.test(name) && typeof example === "string")?.[1];
    return item === undefined ? undefined : [item];
  }

  private ofNamesake(field: DescField): Json | undefined {
    const { file } = field.parent;
    const namesakes = (this.given.get(key(field)) ?? []).filter(
      ({ field: other, example }) => other.parent.file.proto.package === file.proto.package && mayBe(field, example),
    );
    return (namesakes.find((other) => other.field.parent.file === file) ?? namesakes[0])?.example;
  }

  private add(field: DescField): void {
    const [example] = examplesOf(field);
    if (example === undefined) return;
    const namesakes = this.given.get(key(field));
    if (namesakes) namesakes.push({ field, example });
    else this.given.set(key(field), [{ field, example }]);
  }
}

/** Composes a value that a schema allows, of the examples in it; `schemas` are the components it refers to. */
export function composeExample(schema: Schema, schemas: Readonly<Record<string, Schema>>): Json {
  return compose(schema, schemas, []) ?? null;
}

/** Of "Always `Bearer`" what is quoted, and of "empty where balanced" that. */
function quotedIn(comment: string, field: DescField): Json | undefined {
  if (field.fieldKind === "list") return /\bempty where\b/i.test(comment) ? [] : undefined;
  return field.scalar === ScalarType.STRING ? /(?:\bAlways|:) `([^`]+)`/.exec(comment)?.[1] : undefined;
}

function saidBy(comment: string, field: DescField): Json | undefined {
  if (field.fieldKind === "list" || field.scalar !== ScalarType.STRING) return undefined;
  return byComment.find(([words]) => words.test(comment))?.[1];
}

/** Only where no rule may forbid it. A text that nothing is known of is its name: `The subject`. */
function namedBy(field: DescField): Json | undefined {
  if (field.fieldKind !== "scalar" || rulesOf(field)) return undefined;
  const isText = field.scalar === ScalarType.STRING;
  const named = byName.find(
    ([name, example]) => name.test(field.name) && (typeof example === "string") === isText,
  )?.[1];
  return named ?? (isText ? subjectOf(field) : undefined);
}

/** Whether an enum's rules allow one of its values. */
function mayBe(field: DescField, example: Json): boolean {
  const { enum: allowed } = limitsOf(field, rulesOf(field));
  return !allowed || allowed.includes(example);
}

function key({
  name,
  fieldKind,
  scalar,
  enum: named,
}: Pick<DescField, "name" | "fieldKind" | "scalar" | "enum">): string {
  return `${name} ${fieldKind} ${named?.typeName ?? scalar}`;
}

/** Undefined where a schema comes back to itself, so that an example ends. */
function compose(
  schema: Schema,
  schemas: Readonly<Record<string, Schema>>,
  inside: readonly string[],
): Json | undefined {
  const [given = schema.const ?? schema.default ?? schema.enum?.[0]] = schema.examples ?? [];
  if (given !== undefined) return given;
  if (schema.$ref) {
    const name = schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1);
    const target = schemas[name];
    return target && !inside.includes(name) ? compose(target, schemas, [...inside, name]) : undefined;
  }
  const [first] = schema.anyOf ?? [];
  if (first) return compose(first, schemas, inside) ?? null;
  switch (schema.type) {
    case "object":
      return composeObject(schema, schemas, inside);
    case "array": {
      const item = compose(schema.items ?? {}, schemas, inside);
      return item === undefined ? [] : [item];
    }
    case "integer":
    case "number":
      return schema.minimum ?? 1;
    case "boolean":
      return true;
    case "string":
      return schema.contentEncoding === "base64" ? onePixel : "string";
    default:
      return null;
  }
}

/** All that must be there, and of the rest what has an example. */
function composeObject(schema: Schema, schemas: Readonly<Record<string, Schema>>, inside: readonly string[]): Json {
  const choices = (schema.allOf ?? []).map(({ oneOf = [] }) => oneOf.map(({ required = [] }) => required));
  const chosen = choices.flatMap(([first = []]) => first);
  const notChosen = choices.flatMap(([, ...others]) => others.flat());
  const needed = [...(schema.required ?? []), ...chosen];
  const example: Record<string, Json> = {};
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (notChosen.includes(name) || (!needed.includes(name) && !property.examples)) continue;
    const value = compose(property, schemas, inside);
    if (value !== undefined) example[name] = value;
  }
  return example;
}
