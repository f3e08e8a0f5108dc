import type { DescEnum, DescField, DescMessage } from "@bufbuild/protobuf";
import type { PublicMethod } from "./routes.ts";

type Named = DescMessage | DescEnum;

/** Components that are no message's. */
const taken = ["Error"];

/**
 * Names the types that clients see, each by its own name: `Product`. Where two have the same, both have their packages'
 * before it, `catalog.Product` and `shop.Product`, so that no name hangs on which of them comes first.
 */
export class SchemaNames {
  private readonly uses = new Map<string, number>(taken.map((name) => [name, 1]));

  constructor(methods: readonly PublicMethod[]) {
    const seen = new Set<Named>();
    for (const { method } of methods) {
      gather(method.input, seen);
      gather(method.output, seen);
    }
    for (const type of seen) {
      for (const name of candidatesOf(type)) this.uses.set(name, (this.uses.get(name) ?? 0) + 1);
    }
  }

  of(type: Named): string {
    return candidatesOf(type).find((name) => this.uses.get(name) === 1) ?? type.typeName;
  }
}

function gather(type: Named, seen: Set<Named>): void {
  if (seen.has(type)) return;
  seen.add(type);
  if (type.kind === "message") for (const field of type.fields) for (const inner of typesOf(field)) gather(inner, seen);
}

function typesOf({ message, enum: enumeration }: DescField): Named[] {
  return [message, enumeration].filter((type) => type !== undefined);
}

/** From the shortest to the one that nobody else has. */
function candidatesOf({ typeName, file }: Named): string[] {
  const { package: packageName } = file.proto;
  const own = typeName.slice(packageName.length + 1).replaceAll(".", "");
  const label = packageName.split(".").findLast((part) => !/^v[0-9]/.test(part));
  return [own, `${label}.${own}`, typeName];
}
