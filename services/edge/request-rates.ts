import { type Caller, Role } from "../../gen/giftmesh/common/v1/access_pb.ts";
import type { Config } from "../platform/config.ts";
import { networkOf } from "../platform/networks.ts";
import { RecentlyUsed } from "../platform/recently-used.ts";
import { isAdmin, isSignedIn } from "../platform/rpc/access.ts";
import { RateLimited } from "./refusals.ts";

/** A caller's time for a number of requests; it begins with the first. */
const windowMs = 60_000;

/** What requests cost, in tenths of one. */
export const cost = { usual: 10, light: 1 } as const;

/** Callers whose requests are counted at once; of more, those that called longest ago are forgotten. */
const countedCallers = 200_000;

interface Counted {
  /** In milliseconds, by a clock that is never set. */
  readonly endsAt: number;
  tenths: number;
}

/** Counts the requests of each caller: of a signed-in one by the user, of others by address, in IPv6 by network. */
export class RequestRates {
  private readonly perMinute: Config["ratePerMinute"];
  private readonly clock: () => number;
  private readonly callers = new RecentlyUsed<number | string, Counted>(countedCallers);

  constructor(perMinute: Config["ratePerMinute"], clock = () => performance.now()) {
    this.perMinute = perMinute;
    this.clock = clock;
  }

  /** Counts a request of so many tenths. Throws RateLimited where it is one too many. */
  count(caller: Caller, tenths: number): void {
    const now = this.clock();
    const key = keyOf(caller);
    let counted = this.callers.get(key);
    if (!counted || counted.endsAt <= now) {
      counted = { endsAt: now + windowMs, tenths: 0 };
      this.callers.set(key, counted);
    }
    counted.tenths += tenths;
    if (counted.tenths > this.mostOf(caller) * cost.usual) throw new RateLimited((counted.endsAt - now) / 1_000);
  }

  /** Undoes the count of a request that was another caller's. */
  takeBack(caller: Caller, tenths: number): void {
    const counted = this.callers.get(keyOf(caller));
    if (counted) counted.tenths -= tenths;
  }

  private mostOf(caller: Caller): number {
    if (!isSignedIn(caller)) return this.perMinute.anonymous;
    if (isAdmin(caller)) return this.perMinute.admin;
    return caller.role === Role.VENDOR ? this.perMinute.vendor : this.perMinute.user;
  }
}

/** Ids are below 2^53, and numbers are found faster. */
function keyOf(caller: Caller): number | string {
  return isSignedIn(caller) ? Number(caller.userId) : networkOf(caller.address);
}
