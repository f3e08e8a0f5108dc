/** What comes of a step of a flow: it is taken, or there is nothing to do. */
export interface FlowStep<Item> {
  readonly kind: "taken" | "as it is";
  /** The item after it. */
  readonly after: Item;
}
