import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";

const form = /^[A-Za-z0-9._-]{1,128}$/;

/** The last digits of a UUID, which are counted; those before them are of chance, and no other process has them. */
const countedDigits = 8;
const mostCounted = 16 ** countedDigits;

/** Odd, and so another product for each number, in no order that shows at a glance how many requests there are. */
const scattering = 0x9e3779b1;

let start = newStart();
let counted = 0;

/** The id that a request came with, or a new one: in the form of a UUID, at a tenth of what one costs to make. */
export function requestIdOf({ headers }: Pick<IncomingMessage, "headers">): string {
  const given = headers["x-request-id"];
  return typeof given === "string" && form.test(given) ? given : newRequestId();
}

function newRequestId(): string {
  if (counted === mostCounted) {
    start = newStart();
    counted = 0;
  }
  const scattered = Math.imul(counted++, scattering) >>> 0;
  return start + scattered.toString(16).padStart(countedDigits, "0");
}

function newStart(): string {
  return randomUUID().slice(0, -countedDigits);
}
