import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { RecentlyUsed } from "./recently-used.ts";

/** RFC 3339 in UTC with six digits: `2025-01-21T10:00:00.000000Z`. */
export function instantText({ seconds, nanos }: Pick<Timestamp, "seconds" | "nanos">): string {
  const second = Number(seconds);
  const day = Math.floor(second / secondsInDay);
  const ofDay = second - day * secondsInDay;
  const micros = Math.floor(nanos / 1_000);
  const time = `${two(ofDay / 3_600)}:${two((ofDay / 60) % 60)}:${two(ofDay % 60)}`;
  return `${dateText(day)}T${time}.${three(micros / 1_000)}${three(micros % 1_000)}Z`;
}

const secondsInDay = 86_400;

/** The dates that were told last, by their days since 1970. */
const knownDates = new RecentlyUsed<number, string>(1_000);

function dateText(day: number): string {
  const known = knownDates.get(day);
  if (known !== undefined) return known;
  const text = new Date(day * secondsInDay * 1_000).toISOString().slice(0, 10);
  knownDates.set(day, text);
  return text;
}

const digits = Array.from({ length: 1_000 }, (_, number) => String(number).padStart(3, "0"));
const twoDigits = digits.slice(0, 100).map((text) => text.slice(1));

function two(number: number): string {
  return twoDigits[Math.floor(number)] ?? "";
}

function three(number: number): string {
  return digits[Math.floor(number)] ?? "";
}
