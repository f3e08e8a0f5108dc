import test from "ava";
import { toInstant } from "./platform/time.ts";
import { ArgumentError, readReplayRequest } from "./replay-request.ts";

const goodInstants: Readonly<Record<string, bigint>> = {
  "2026-11-18T11:06:40Z": 1_795_000_000_000_000n,
  "2026-11-18T11:06:40.5Z": 1_795_000_000_500_000n,
  "2026-11-18T11:06:40.000001Z": 1_795_000_000_000_001n,
  "2026-11-18T18:06:40+07:00": 1_795_000_000_000_000n,
  "2028-02-29T00:00:00Z": 1_835_395_200_000_000n,
};

for (const [text, instant] of Object.entries(goodInstants)) {
  test(`${text} is an instant to replay from, and to`, (t) => {
    const { selection, to } = readReplayRequest(["--from", text, "--to", text]);
    if (selection?.case !== "from") return t.fail();
    t.is(toInstant(selection.value as Parameters<typeof toInstant>[0]), instant);
    t.is(toInstant(to as Parameters<typeof toInstant>[0]), instant);
  });
}

test("without an end, a replay has none", (t) => {
  t.false("to" in readReplayRequest(["--from", "2026-11-18T11:06:40Z"]));
});

test("what is dead can be replayed", (t) => {
  t.deepEqual(readReplayRequest(["--dead"]), { selection: { case: "dead", value: true } });
});

const instantNeeded = /must be an instant such as 2026-11-01T00:00:00Z/;
const badArguments: readonly [readonly string[], RegExp][] = [
  [[], /^--from or --dead is needed: npm run replay -- --from/],
  [["--to", "2026-11-01T00:00:00Z"], /^--from or --dead is needed/],
  [["--dead", "--from", "2026-11-01T00:00:00Z"], /^--dead stands alone/],
  [["--dead", "--to", "2026-11-01T00:00:00Z"], /^--dead stands alone/],
  [["--from", "yesterday"], instantNeeded],
  [["--from", "2026-11-01"], instantNeeded],
  [["--from", "2026-11-01T00:00:00"], instantNeeded],
  [["--from", "2026-02-30T00:00:00Z"], instantNeeded],
  [["--from", "2026-11-01T00:00:00Z", "--to", "then"], /^--to: must be an instant/],
  [["--from", "2026-11-02T00:00:00Z", "--to", "2026-11-01T00:00:00Z"], /^--to: must not be before --from$/],
  [["--from"], /^Option '--from <value>' argument missing.*: npm run replay/],
  [["--form", "2026-11-01T00:00:00Z"], /^Unknown option '--form'.*: npm run replay/],
  [["2026-11-01T00:00:00Z"], /^Unexpected argument '2026-11-01T00:00:00Z'.*: npm run replay/],
];

for (const [args, message] of badArguments) {
  test(`"replay ${args.join(" ")}" is told what is wrong, in a line`, (t) => {
    const error = t.throws(() => readReplayRequest(args), { instanceOf: ArgumentError, message });
    t.false(error?.message.includes("\n"));
  });
}
