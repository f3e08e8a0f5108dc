import test from "ava";
import { readAvaReport } from "./ava-report.ts";

test("of a run in which nothing failed all that passed are counted, and nothing is told", (t) => {
  const output = `
  ✔ wallet › ledger › a transfer is made
  ✔ wallet › ledger › logs (1.2s)
    ℹ 12 ms at most
  - [skip] wallet › ledger › on MySQL
  ─

  2 tests passed
  1 test skipped
`;
  t.deepEqual(readAvaReport(output), { passed: 2, failed: 0, complaints: [] });
});

test("what passed is counted where others failed, and what was wrong is told after the titles", (t) => {
  const output = `
  ✔ wallet › ledger › a transfer is made
  ✘ [fail]: wallet › ledger › a balance is read
  ✘ [fail]: wallet › ledger › a statement is read Error thrown in test
  ✔ wallet › ledger › another
  ─

  wallet › ledger › a balance is read

  services/wallet/ledger.test.ts:2

  Difference (- actual, + expected):

  - 1
  + 2



  wallet › ledger › a statement is read

  Error: no statement
      at file:///giftmesh/services/wallet/ledger.test.ts:9:1
      at Test.run (file:///giftmesh/node_modules/ava/lib/test.js:534:33)
      at async node:internal/modules/esm/loader:650:26

  ─

  2 tests failed
`;
  t.deepEqual(readAvaReport(output), {
    passed: 2,
    failed: 2,
    complaints: [
      "  ✘ [fail]: wallet › ledger › a balance is read",
      "  ✘ [fail]: wallet › ledger › a statement is read Error thrown in test",
      "",
      "  wallet › ledger › a balance is read",
      "  services/wallet/ledger.test.ts:2",
      "  Difference (- actual, + expected):",
      "  - 1",
      "  + 2",
      "",
      "  wallet › ledger › a statement is read",
      "  Error: no statement",
      "      at file:///giftmesh/services/wallet/ledger.test.ts:9:1",
    ],
  });
});

test("a file that ends before its tests is told with what was thrown", (t) => {
  const output = `
  Uncaught exception in services/wallet/ledger.test.ts

  Error: at the top

  ✘ services/wallet/ledger.test.ts exited with a non-zero exit code: 1
  ✔ wallet › voids › a void is made
  ─

  1 test passed
  1 uncaught exception
`;
  t.deepEqual(readAvaReport(output), {
    passed: 1,
    failed: 1,
    complaints: [
      "  ✘ services/wallet/ledger.test.ts exited with a non-zero exit code: 1",
      "",
      "  Uncaught exception in services/wallet/ledger.test.ts",
      "  Error: at the top",
    ],
  });
});

test("of a run that was cut short what had passed is counted, and what was still running is told", (t) => {
  const output = `
  ✔ wallet › ledger › a transfer is made

  ✘ Timed out while running tests

  2 tests were pending in services/wallet/voids.test.ts

  ◌ wallet › voids › one
  ◌ wallet › voids › two

  Failed to exit when running services/wallet/charging.test.ts
`;
  t.deepEqual(readAvaReport(output), {
    passed: 1,
    failed: 3,
    complaints: [
      "  ✘ Timed out while running tests",
      "  2 tests were pending in services/wallet/voids.test.ts",
      "  ◌ wallet › voids › one",
      "  ◌ wallet › voids › two",
      "  Failed to exit when running services/wallet/charging.test.ts",
    ],
  });
});

test("of a long failure the beginning is told", (t) => {
  const lines = Array.from({ length: 40 }, (_, line) => `  line ${line}`);
  const { complaints } = readAvaReport(["  ✘ [fail]: it", "  ─", "  it", ...lines, "  ─", ""].join("\n"));
  t.is(complaints.at(-1), "  … 25 more lines");
  t.is(complaints.at(-2), "  line 14");
});
