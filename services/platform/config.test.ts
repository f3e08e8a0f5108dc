import test from "ava";
import { ConfigError, readConfig } from "./config.ts";

test("the addresses of services are read, and of nothing else: an environment has other programs' too", (t) => {
  const { addresses } = readConfig({
    GIFT_CARD_ADDR: "cards:50051",
    WALLET_ADDR: "wallet:50051",
    VOUCHER_ADDR: "",
    VAULT_ADDR: "https://vault:8200",
    NOMAD_ADDR: "http://127.0.0.1:4646",
  });
  t.deepEqual(addresses, { "gift-card": "cards:50051", wallet: "wallet:50051" });
});

test("a voucher code is late after 30 seconds and given up after ten minutes, unless it is set otherwise", (t) => {
  t.deepEqual(readConfig({}).voucher, { lateAfterMs: 30_000, giveUpAfterMs: 600_000 });
  const set = readConfig({ VOUCHER_LATE_AFTER_MS: "500", VOUCHER_GIVE_UP_AFTER_MS: "501" });
  t.deepEqual(set.voucher, { lateAfterMs: 500, giveUpAfterMs: 501 });
});

for (const [late, giveUp] of [
  ["500", "500"],
  ["600001", undefined],
  [undefined, "30000"],
] as const) {
  test(`one given up (${giveUp}) before it is late (${late}) stops the start with one line`, (t) => {
    const error = t.throws(() => readConfig({ VOUCHER_LATE_AFTER_MS: late, VOUCHER_GIVE_UP_AFTER_MS: giveUp }), {
      instanceOf: ConfigError,
      message: /^VOUCHER_GIVE_UP_AFTER_MS: must be more than VOUCHER_LATE_AFTER_MS, which is [0-9]+$/,
    });
    t.false(error?.message.includes("\n"));
  });
}

for (const value of ["0", "-1", "1.5", "soon", "1e9"]) {
  test(`VOUCHER_LATE_AFTER_MS of "${value}" stops the start`, (t) => {
    t.throws(() => readConfig({ VOUCHER_LATE_AFTER_MS: value }), {
      instanceOf: ConfigError,
      message: /^VOUCHER_LATE_AFTER_MS: must be a whole number/,
    });
  });
}
