import type { Metrics } from "../platform/metrics.ts";
import type { RequestObserver } from "./observers.ts";

/** Counts every request that is answered, by its route's template: there may be codes in a URL. */
export function requestMetrics(count: Metrics["countRequest"]): RequestObserver {
  return {
    end({ method, routeOptions }, { statusCode, elapsedTime }) {
      count(routeOptions.url ?? "none", method, statusCode, elapsedTime / 1_000);
    },
  };
}
