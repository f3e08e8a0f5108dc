/** A card that is there to be redeemed, and who may. */
export interface ShelvedCard {
  readonly id: number;
  readonly holderId: number;
}

/** Lays out so many new cards. */
export type LayOut = (count: number) => Promise<readonly ShelvedCard[]>;

/** Cards that are redeemed each once, in no order, as people come. */
export class Shelf {
  private readonly cards: ShelvedCard[] = [];
  private readonly layOut: LayOut;

  constructor(layOut: LayOut) {
    this.layOut = layOut;
  }

  /** Lays out what is missing for so many cards to be there. */
  async fill(count: number): Promise<void> {
    if (this.cards.length >= count) return;
    for (const card of await this.layOut(count - this.cards.length)) this.cards.push(card);
    this.shuffle();
  }

  take(): ShelvedCard {
    const card = this.cards.pop();
    if (!card) throw new Error("The shelf is empty");
    return card;
  }

  /** Fisher and Yates. */
  private shuffle(): void {
    const { cards } = this;
    for (let last = cards.length - 1; last > 0; last--) {
      const other = Math.floor(Math.random() * (last + 1));
      const [a, b] = [cards[last], cards[other]];
      if (a && b) [cards[last], cards[other]] = [b, a];
    }
  }
}
