/** A code as it is kept: to be found by, and to be opened by those who have the keys. Never the code itself. */
export interface KeptCode {
  /** HMAC-SHA256 of the code. */
  readonly searchKey: Uint8Array;
  /** Which key that was made with. */
  readonly searchKeyId: string;
  /** AES-256-GCM, with its nonce and tag. */
  readonly sealed: Uint8Array;
  /** Which key that was made with. */
  readonly sealKeyId: string;
}

/** What of a kept code is needed to open it. */
export type SealedCode = Pick<KeptCode, "sealed" | "sealKeyId">;
