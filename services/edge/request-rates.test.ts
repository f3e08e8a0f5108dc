import { create } from "@bufbuild/protobuf";
import test from "ava";
import { CallerSchema, Role } from "../../gen/giftmesh/common/v1/access_pb.ts";
import { byClock } from "../platform/testing/clocks.ts";
import { RateLimited } from "./refusals.ts";
import { cost, RequestRates } from "./request-rates.ts";

const perMinute = { admin: 1, user: 2, vendor: 1, anonymous: 1 };
const user = create(CallerSchema, { userId: 7n, role: Role.USER });

test.serial("a caller's minute is no longer where the clock is set back meanwhile", async (t) => {
  const rates = new RequestRates(perMinute);
  const count = () => rates.count(user, cost.usual);
  count();
  count();
  const refused = await byClock(-3_600_000, () => t.throws(count, { instanceOf: RateLimited }));
  t.true((refused?.retryAfterSeconds ?? 3_600) <= 60);
});

test("a caller's minute is over when it is, and not before", (t) => {
  let passedMs = 0;
  const rates = new RequestRates(perMinute, () => passedMs);
  const count = () => rates.count(user, cost.usual);
  count();
  passedMs = 59_999;
  count();
  t.is(t.throws(count, { instanceOf: RateLimited })?.retryAfterSeconds, 0.001);
  passedMs = 60_000;
  t.notThrows(count);
});
