import { Unavailable } from "../../platform/refusal.ts";
import { type ConversionLimits, type ConvertedPicture, convertPicture, usualLimits } from "./conversion.ts";
import type { PictureFormat } from "./domain/picture.ts";

/** Conversions at once: each may take as much as its limits allow. */
const mostAtOnce = 2;

/** Pictures that wait for their turn, each in memory. */
const mostWaiting = 16;

/** Converts pictures, a few at a time. */
export class Converter {
  private readonly limits: ConversionLimits;
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(limits = usualLimits) {
    this.limits = limits;
  }

  /**
   * Converts a picture. Throws BadPicture for what cannot be shown, and Unavailable where too many wait already, the
   * caller goes away, or the conversion is killed.
   */
  async convert(bytes: Uint8Array, format: PictureFormat, gone: AbortSignal): Promise<ConvertedPicture> {
    await this.turn(gone);
    try {
      return await convertPicture(bytes, format, this.limits, gone);
    } finally {
      this.running--;
      this.waiting.shift()?.();
    }
  }

  private async turn(gone: AbortSignal): Promise<void> {
    if (this.running < mostAtOnce) {
      this.running++;
      return;
    }
    if (this.waiting.length >= mostWaiting) throw new Unavailable("Too many pictures at once, try again", 5);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const takeTurn = () => {
      this.running++;
      resolve();
    };
    const leave = () => {
      const place = this.waiting.indexOf(takeTurn);
      if (place >= 0) this.waiting.splice(place, 1);
      reject(new Unavailable());
    };
    this.waiting.push(takeTurn);
    gone.addEventListener("abort", leave);
    await promise.finally(() => gone.removeEventListener("abort", leave));
  }
}
