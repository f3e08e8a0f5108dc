import { create } from "@bufbuild/protobuf";
import test from "ava";
import { CallerSchema, Role } from "../../gen/giftmesh/common/v1/access_pb.ts";
import { RateLimited } from "./refusals.ts";
import { cost, RequestRates } from "./request-rates.ts";

const perMinute = { admin: 1, user: 2, vendor: 1, anonymous: 1 };
const user = create(CallerSchema, { userId: 7n, role: Role.USER });

test.serial("a caller's minute is no longer where the clock is set back meanwhile", (t) => {
  let passedMs = 0;
  const rates = new RequestRates(perMinute, () => passedMs);
  const count = () => rates.count(user, cost.usual);
  count();
  const { now } = Date;
  t.teardown(() => Object.assign(Date, { now }));
  Date.now = () => now() - 3_600_000;
  passedMs = 59_999;
  count();
  t.is(t.throws(count, { instanceOf: RateLimited })?.retryAfterSeconds, 0.001);
  passedMs = 60_000;
  t.notThrows(count);
});
