import type { Readable } from "node:stream";
import type { DescMessage } from "@bufbuild/protobuf";
import type { FastifyRequest } from "fastify";
import { Refusal } from "../platform/refusal.ts";
import { defaultLimit, fileLimits } from "./body-limits.ts";
import { BodyTooLarge, MalformedMultipart } from "./refusals.ts";

/** How many parts a form may have. */
const mostParts = 20;

/** A file of a form. Its name and media type are the client's word only, and not kept. */
export class FormFile {
  /** Undefined where the file is longer than the limit. */
  readonly bytes: Uint8Array | undefined;
  /** In bytes. */
  readonly limit: number;

  constructor(bytes: Uint8Array | undefined, limit: number) {
    this.bytes = bytes;
    this.limit = limit;
  }
}

/** A multipart/form-data body (RFC 7578): texts and files by name, in arrays where a name comes again. */
export class Form {
  readonly values: Record<string, unknown> = Object.create(null);

  add(name: string, value: unknown): void {
    const before = this.values[name];
    if (before === undefined) this.values[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else this.values[name] = [before, value];
  }
}

/**
 * Compiles the reader of a form whose files are the bytes fields of a message. No more of a file is kept than its field
 * may hold (`buf.validate` `bytes.max_len`). To read throws BodyTooLarge for a text over 1 MB, and MalformedMultipart
 * for a form that is none, ends early or has more than 20 parts.
 */
export function compileFormReader(type: DescMessage): (request: FastifyRequest) => Promise<Form> {
  const limits = new Map<string, number>();
  for (const [{ name, jsonName }, limit] of fileLimits(type)) limits.set(name, limit).set(jsonName, limit);
  const options = {
    limits: { parts: mostParts, fieldSize: defaultLimit, fileSize: Math.max(0, ...limits.values()) + 1 },
    throwFileSizeLimit: false,
  };
  return async (request) => {
    const form = new Form();
    try {
      for await (const part of request.parts(options)) {
        if (part.type === "file") {
          form.add(part.fieldname, await readFile(part.file, limits.get(part.fieldname) ?? 0));
        } else if (part.valueTruncated) {
          throw new BodyTooLarge();
        } else {
          form.add(part.fieldname, part.value);
        }
      }
    } catch (error) {
      throw error instanceof Refusal ? error : new MalformedMultipart();
    }
    return form;
  };
}

/** Reads a file to its end, which the parts behind it wait for, and keeps it if it is within the limit. */
async function readFile(stream: Readable, limit: number): Promise<FormFile> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= limit) chunks.push(chunk);
  }
  return new FormFile(length <= limit ? new Uint8Array(Buffer.concat(chunks)) : undefined, limit);
}
