import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { PageInfoSchema } from "../../gen/giftmesh/common/v1/paging_pb.ts";
import { compileFieldWriter, compileMessageWriter } from "./encode.ts";
import type { Binding, PublicMethod } from "./routes.ts";

/** How the answers of one binding are written. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  /** Writes the body of a success. */
  write(response: Message): string;
}

/**
 * Compiles how a binding answers: in the envelope of the HTTP contract, with `meta` where the response is a page of the
 * list that the answer is; without it where the method is bare.
 */
export function compileAnswer({ method, rest }: PublicMethod, { responseField }: Binding): Answer {
  const status = rest.successStatus || 200;
  const writeData = compileDataWriter(method.output, responseField);
  if (rest.bare)
    return { status, contentType: rest.contentType || "application/json; charset=utf-8", write: writeData };

  const start = `{"success":true,"message":${JSON.stringify(rest.successMessage || "Success")},"data":`;
  const page = responseField?.fieldKind === "list" ? pageField(method.output) : undefined;
  const writeMeta = page && compileFieldWriter(page);
  return {
    status,
    contentType: "application/json; charset=utf-8",
    write: writeMeta
      ? (response) => `${start}${writeData(response)},"meta":${writeMeta(response)}}`
      : (response) => `${start}${writeData(response)}}`,
  };
}

/** Compiles the writer of what goes into `data`: the response, a field of it, or null where it has nothing to say. */
export function compileDataWriter(
  response: DescMessage,
  responseField: DescField | undefined,
): (response: Message) => string {
  if (responseField) return compileFieldWriter(responseField);
  return response.fields.length === 0 ? () => "null" : compileMessageWriter(response);
}

function pageField(response: DescMessage): DescField | undefined {
  return response.fields.find(({ message }) => message?.typeName === PageInfoSchema.typeName);
}
