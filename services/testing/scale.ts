/** How much of a torture test is run: all of it at 1, which `npm run torture` sets; a short form where nothing sets it. */
const scale = Number(process.env.TORTURE_SCALE ?? "0.04");

/** So many rounds at full size; fewer in the short form, but one at least. */
export function rounds(atFullSize: number): number {
  return Math.max(1, Math.round(atFullSize * scale));
}

/**
 * How long a test may take that may take so many minutes at full size, in milliseconds. In the short form that is less:
 * AVA takes no file for hung while a test of it still has time.
 */
export function timeLimitMs(minutesAtFullSize: number): number {
  return Math.max(3, minutesAtFullSize * scale) * 60_000;
}
