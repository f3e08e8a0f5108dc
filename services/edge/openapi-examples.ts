import { type DescField, type Registry, ScalarType } from "@bufbuild/protobuf";
import type { Comments } from "./openapi-comments.ts";
import type { Json, Schema } from "./openapi-document.ts";
import { examplesOf } from "./openapi-rules.ts";

/** An instant as the edge writes it. */
export const instantExample = "2025-01-21T10:00:00.000000Z";

/** What a comment says of a text without giving one, by the words of the HTTP contract. */
const wellKnown: readonly (readonly [RegExp, string])[] = [
  [/\bISO 4217\b/, "SAR"],
  [/\b(decimal|balance)\b/i, "200.00"],
  [/\bE\.164\b/, "+966501234567"],
  [/\bJWT\b/, "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxNyJ9.c2lnbmF0dXJl"],
];

/**
 * Finds examples for fields. One that has none by its own rules takes what its comment quotes ("Key type: `OKP`"), that
 * of a field of the same name and kind, of its own file first, or what its comment says it is.
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
    return examplesOf(field)[0] ?? quotedIn(comment, field) ?? this.ofNamesake(field) ?? wellKnownIn(comment, field);
  }

  private ofNamesake(field: DescField): Json | undefined {
    const namesakes = this.given.get(key(field)) ?? [];
    return (namesakes.find((other) => other.field.parent.file === field.parent.file) ?? namesakes[0])?.example;
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

function wellKnownIn(comment: string, field: DescField): Json | undefined {
  if (field.fieldKind === "list" || field.scalar !== ScalarType.STRING) return undefined;
  return wellKnown.find(([words]) => words.test(comment))?.[1];
}

function key({ name, fieldKind, scalar }: DescField): string {
  return `${name} ${fieldKind} ${scalar}`;
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
      return "string";
    default:
      return null;
  }
}

/** All that must be there, and of the rest what has an example. */
function composeObject(schema: Schema, schemas: Readonly<Record<string, Schema>>, inside: readonly string[]): Json {
  const chosen = (schema.allOf ?? []).flatMap(({ oneOf }) => oneOf?.[0]?.required ?? []);
  const needed = [...(schema.required ?? []), ...chosen];
  const example: Record<string, Json> = {};
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (!needed.includes(name) && !property.examples) continue;
    const value = compose(property, schemas, inside);
    if (value !== undefined) example[name] = value;
  }
  return example;
}
