import { create, type DescField, type DescMessage, type Message } from "@bufbuild/protobuf";
import type { FastifyRequest } from "fastify";
import { InvalidFields } from "../platform/refusal.ts";
import { authorize } from "../platform/rpc/access.ts";
import { compileMessageReader, compileTextReader } from "./decode.ts";
import { Reading } from "./decode-value.ts";
import { Form } from "./form.ts";
import { parseJsonObject } from "./json-text.ts";
import type { Binding, PublicMethod } from "./routes.ts";

/** What a request carries beside its headers, as Fastify has it; the body is JSON text, or a Form. */
type Carried = Pick<FastifyRequest, "params" | "query" | "body" | "caller">;

type ReadCarried = (carried: Carried, request: Message, reading: Reading) => void;
type Texts = Readonly<Record<string, unknown>>;

/**
 * Compiles how the requests of a binding are read: first the path, then the body or the query. To read throws
 * InvalidFields with all that is wrong, MalformedJson, or NotFound where the path is another member's.
 */
export function compileRequestReader(
  { method, access, rest }: PublicMethod,
  { pathFields, hasBody }: Binding,
): (carried: Carried) => Message {
  const readPath = compileTextReader(pathFields, "text");
  const isMembersPath = pathFields.some(({ name }) => name === access.callerField?.name);
  const others = method.input.fields.filter((field) => !pathFields.includes(field));
  const readOthers = !hasBody
    ? queryReader(others)
    : rest.multipart
      ? formReader(others, jsonReader(method.input, pathFields))
      : jsonReader(method.input, pathFields);

  return (carried) => {
    const request = create(method.input);
    const reading = new Reading();
    readPath(carried.params as Texts, request, reading);
    if (isMembersPath) authorize(access, carried.caller, request);
    readOthers(carried, request, reading);
    if (reading.violations.length > 0) throw new InvalidFields(reading.violations);
    return request;
  };
}

function queryReader(fields: readonly DescField[]): ReadCarried {
  const read = compileTextReader(fields, "text");
  return ({ query }, request, reading) => read(query as Texts, request, reading);
}

function jsonReader(type: DescMessage, except: readonly DescField[]): ReadCarried {
  const read = compileMessageReader(type, except);
  return ({ body }, request, reading) =>
    read(parseJsonObject((body as string | undefined) ?? ""), request, "", reading);
}

function formReader(fields: readonly DescField[], readJson: ReadCarried): ReadCarried {
  const read = compileTextReader(fields, "form");
  return (carried, request, reading) => {
    if (carried.body instanceof Form) read(carried.body.values, request, reading);
    else readJson(carried, request, reading);
  };
}
