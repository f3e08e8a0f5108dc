import test from "ava";
import { namedServices, serviceNames } from "./mesh.ts";
import { ConfigError, readConfig } from "./platform/config.ts";

const standIn = "provider-simulator";

test("the voucher provider's stand-in runs with all where there is no provider, and it is not production", (t) => {
  t.deepEqual(namedServices([], readConfig({})), serviceNames);
  const others = serviceNames.filter((name) => name !== standIn);
  t.deepEqual(namedServices([], readConfig({ NODE_ENV: "production" })), others);
  t.deepEqual(namedServices([], readConfig({ VOUCHER_PROVIDER_URL: "https://vouchers.example.com" })), others);
});

test("it runs where it is named, and needs no NATS", (t) => {
  t.deepEqual(namedServices([standIn], readConfig({ NODE_ENV: "production" })), [standIn]);
  const others = serviceNames.filter((name) => name !== standIn);
  t.deepEqual(namedServices(others, readConfig({})), others);
  t.throws(() => namedServices(["voucher-integration", standIn], readConfig({})), { instanceOf: ConfigError });
});

const wrong = [
  { VOUCHER_PROVIDER_URL: "vouchers.example.com" },
  { VOUCHER_CALLBACK_URL: "ftp://vouchers.example.com" },
  { VOUCHER_PROVIDER_PORT: "65536" },
  { VOUCHER_CALLBACK_PORT: "any" },
  { VOUCHER_ACK_AFTER_MS: "0" },
];
for (const environment of wrong) {
  const [setting = ""] = Object.keys(environment);
  test(`a ${setting} that cannot be read is a line that names it`, (t) => {
    const message = new RegExp(`^${setting}: must be [^\\n]*$`);
    t.throws(() => readConfig(environment), { instanceOf: ConfigError, message });
  });
}
