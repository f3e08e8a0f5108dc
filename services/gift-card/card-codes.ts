import type { CodeKeys } from "../platform/codes/code-keys.ts";
import type { SealedCode } from "../platform/codes/kept-code.ts";
import type { CardCode } from "./domain/card.ts";
import { canonicalCode, lastFourOf, newCode } from "./domain/code.ts";

/** Makes cards' codes and keeps them, each bound to its card. */
export class CardCodes {
  private readonly keys: Pick<CodeKeys, "seal" | "open" | "searchKeys">;

  constructor(keys: Pick<CodeKeys, "seal" | "open" | "searchKeys">) {
    this.keys = keys;
  }

  newCode(): string {
    return newCode();
  }

  /** A card's code as it is to be kept. */
  seal(cardId: bigint, code: string): CardCode {
    return { ...this.keys.seal(aboutCard(cardId), code), last4: lastFourOf(code) };
  }

  /** A card's code. Throws CodeKeyMissing. */
  open(cardId: bigint, code: SealedCode): string {
    return this.keys.open(aboutCard(cardId), code);
  }

  /** Everything that a code which somebody has typed may be kept under: one for each key. */
  searchKeys(typed: string): Uint8Array[] {
    return this.keys.searchKeys(canonicalCode(typed));
  }
}

/** What a code is bound to. */
export function aboutCard(cardId: bigint): string {
  return `card-${cardId}`;
}
