import test from "ava";
import fc from "fast-check";
import { toInstant, toTimestamp } from "./time.ts";

const mostMicroseconds = 253_402_300_799_999_999n;

test("an instant is the same after it was a timestamp, and the timestamp one that protobuf allows", (t) => {
  fc.assert(
    fc.property(fc.bigInt(-62_135_596_800_000_000n, mostMicroseconds), (instant) => {
      const timestamp = toTimestamp(instant);
      t.is(toInstant(timestamp), instant);
      t.true(timestamp.nanos >= 0 && timestamp.nanos < 1e9);
    }),
  );
});

test("half a second before 1970 is half a second after the second before it", (t) => {
  t.like(toTimestamp(-500_000n), { seconds: -1n, nanos: 500_000_000 });
  t.like(toTimestamp(-1_000_000n), { seconds: -1n, nanos: 0 });
  t.like(toTimestamp(0n), { seconds: 0n, nanos: 0 });
});
