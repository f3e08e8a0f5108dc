import test from "ava";
import { ConfigError } from "./config.ts";
import { readPhoneNumber, readPhoneRegion } from "./phone-number.ts";

for (const [text, number] of [
  ["0912345678", "+84912345678"],
  ["091 234 56 78", "+84912345678"],
  ["+966501234567", "+966501234567"],
  ["+966 50 123 4567", "+966501234567"],
  ["00966501234567", "+966501234567"],
] as const) {
  test(`"${text}" in Vietnam is ${number}`, (t) => {
    t.is(readPhoneNumber(text, "VN"), number);
  });
}

for (const text of [
  "",
  "123",
  "hello",
  "+1",
  "+999501234567",
  "0912345678 ext. 5",
  "call 0912345678",
  "+96650123456789012",
]) {
  test(`"${text}" is no phone number`, (t) => {
    t.is(readPhoneNumber(text, "VN"), undefined);
  });
}

test("a region that has no phone numbers stops the start", (t) => {
  t.is(readPhoneRegion("SA"), "SA");
  t.throws(() => readPhoneRegion("XX"), { instanceOf: ConfigError, message: /^DEFAULT_PHONE_REGION: / });
});
