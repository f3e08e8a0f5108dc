/** A picture that is on cards, as clients see it. */
export interface CardImage {
  readonly id: bigint;
  readonly name: string;
  /** Where it is, as large as it was uploaded. */
  readonly url: string;
  readonly conversions: { readonly thumb: string; readonly card: string };
}

/** The pictures that cards can have. */
export interface CardImages {
  /** Those of these ids that are there, active or not. */
  find(ids: readonly bigint[]): Promise<ReadonlyMap<bigint, CardImage>>;
  /** The picture of an id, where makers of cards can choose it. */
  findActive(id: bigint): Promise<CardImage | undefined>;
  /** Those that makers of cards can choose, the newest first, at most 100. */
  listActive(): Promise<readonly CardImage[]>;
}
