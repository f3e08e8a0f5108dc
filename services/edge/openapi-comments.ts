import type { AnyDesc, DescFile, Registry } from "@bufbuild/protobuf";
import { enumNames } from "./enum-names.ts";

type Commented = Exclude<AnyDesc, { kind: "file" | "extension" }>;

/** The numbers by which source_code_info names what a descriptor holds (google/protobuf/descriptor.proto). */
const inFile = { message: 4, enum: 5, service: 6 } as const;
const inMessage = { field: 2, message: 3, enum: 4, oneof: 8 } as const;
const valueInEnum = 2;
const methodInService = 2;

/** What the proto files say of things, in the words that clients know. */
export class Comments {
  private readonly byFile = new Map<DescFile, ReadonlyMap<string, string>>();
  /** What clients call the values of enums, by their names in the proto. */
  private readonly clientNames = new Map<string, string>();

  constructor(registry: Registry) {
    for (const type of registry) {
      if (type.kind !== "enum") continue;
      const names = enumNames(type);
      for (const { number, name } of type.values) {
        const clientName = names.get(number);
        if (clientName !== undefined) this.clientNames.set(name, clientName);
      }
    }
  }

  /** The comment before a thing, as Markdown with a paragraph a line; empty where there is none. */
  of(desc: Commented): string {
    const file = desc.kind === "enum_value" || desc.kind === "oneof" ? desc.parent.file : fileOf(desc);
    const comment = this.commentsOf(file).get(pathOf(desc).join()) ?? "";
    return comment
      .split(/\n[ \t]*\n/)
      .map((paragraph) => paragraph.trim().replace(/\s*\n\s*(?![-*|])/g, " "))
      .join("\n\n")
      .replace(/ \(seeds? [^)]*\)/g, "")
      .replace(/`?\b([A-Z]+(?:_[A-Z]+)+)\b`?/g, (name, bare) => {
        const clientName = this.clientNames.get(bare);
        return clientName === undefined ? name : `\`${clientName}\``;
      });
  }

  private commentsOf(file: DescFile): ReadonlyMap<string, string> {
    const known = this.byFile.get(file);
    if (known) return known;
    const locations = file.proto.sourceCodeInfo?.location ?? [];
    const comments = new Map(locations.map(({ path, leadingComments }) => [path.join(), leadingComments]));
    this.byFile.set(file, comments);
    return comments;
  }
}

/** The first clause of a comment, up to a full stop, semicolon or colon, as plain text. */
export function summaryOf(comment: string): string {
  const clause = /^.*?(?=[.;:](?:\s|$))/s.exec(comment)?.[0] ?? comment;
  return clause.replaceAll("`", "");
}

/** The refusals that a comment names, by their status: "400 `CHARGE_DECLINED`". */
export function reasonsIn(comment: string): { readonly status: number; readonly reason: string }[] {
  const named = comment.matchAll(/\b([45][0-9]{2}) `([A-Z][A-Z0-9_]*)`/g);
  return [...named].map(([, status, reason = ""]) => ({ status: Number(status), reason }));
}

/** What a comment says that a field is where it is unset: "20 where unset", "`user` where unset". */
export function defaultIn(comment: string): string | undefined {
  const [, quoted, number] = /(?:`([^`]+)`|\b([0-9]+)) where unset/.exec(comment) ?? [];
  return quoted ?? number;
}

/** Whether a comment says that a field can be unset: "unset where it was not paid". */
export function saysUnset(comment: string): boolean {
  return /\bunset\b/i.test(comment);
}

/** Whether a comment says that a field is unset until something happens, as it mostly has not: "unset before". */
export function isUnsetBefore(comment: string): boolean {
  return /\bunset before\b/i.test(comment);
}

function fileOf(desc: Exclude<Commented, { kind: "enum_value" | "oneof" }>): DescFile {
  return desc.kind === "field" || desc.kind === "rpc" ? desc.parent.file : desc.file;
}

/** Where a thing stands in its file (google.protobuf.SourceCodeInfo.Location.path). */
function pathOf(desc: Commented): number[] {
  switch (desc.kind) {
    case "message":
      return desc.parent
        ? [...pathOf(desc.parent), inMessage.message, desc.parent.proto.nestedType.indexOf(desc.proto)]
        : [inFile.message, desc.file.proto.messageType.indexOf(desc.proto)];
    case "enum":
      return desc.parent
        ? [...pathOf(desc.parent), inMessage.enum, desc.parent.proto.enumType.indexOf(desc.proto)]
        : [inFile.enum, desc.file.proto.enumType.indexOf(desc.proto)];
    case "service":
      return [inFile.service, desc.file.proto.service.indexOf(desc.proto)];
    case "field":
      return [...pathOf(desc.parent), inMessage.field, desc.parent.proto.field.indexOf(desc.proto)];
    case "oneof":
      return [...pathOf(desc.parent), inMessage.oneof, desc.parent.proto.oneofDecl.indexOf(desc.proto)];
    case "enum_value":
      return [...pathOf(desc.parent), valueInEnum, desc.parent.proto.value.indexOf(desc.proto)];
    case "rpc":
      return [...pathOf(desc.parent), methodInService, desc.parent.proto.method.indexOf(desc.proto)];
    default:
      return desc satisfies never;
  }
}
