import type { Instant } from "../../../platform/time.ts";

/** A picture that gift cards can have. */
export interface Background {
  readonly id: bigint;
  readonly name: string;
  readonly description: string | undefined;
  /** Whether makers of cards can choose it. */
  readonly active: boolean;
  /** The name of its picture's files: another one for every upload. */
  readonly picture: string;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
}

/** What of a background can be changed. */
export type BackgroundChanges = Partial<Pick<Background, "name" | "description" | "active" | "picture">>;

/** A background with some of it changed; the same one where nothing is. */
export function changed(background: Background, changes: BackgroundChanges, at: Instant): Background {
  const isChanged = Object.entries(changes).some(([name, value]) => background[name as keyof Background] !== value);
  return isChanged ? { ...background, ...changes, updatedAt: at } : background;
}

/** A background's words as they are searched: in one case, and however they were typed. */
export function searchTextOf({
  name,
  description = "",
}: {
  readonly name: string;
  readonly description?: string | undefined;
}): string {
  return (description === "" ? name : `${name}\n${description}`).normalize("NFKC").toLowerCase();
}
