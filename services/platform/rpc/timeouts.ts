import { type DescMethod, getOption } from "@bufbuild/protobuf";
import { rest } from "../../../gen/giftmesh/common/v1/rest_pb.ts";
import { defaultTimeoutMs } from "./call.ts";

/** What the proto says, in milliseconds; to read an option takes longer than all else that is done for a call. */
const saidTimeouts = new WeakMap<DescMethod, number>();

/** How long a call of an RPC may take where nobody said, in milliseconds. */
export function usualTimeoutMs(method: DescMethod): number {
  return saidTimeoutMs(method) || defaultTimeoutMs;
}

/** Whether an RPC waits for news: its calls are not waited for where a server stops, but told to end. */
export function waitsForNews(method: DescMethod): boolean {
  return saidTimeoutMs(method) > 0;
}

function saidTimeoutMs(method: DescMethod): number {
  let timeoutMs = saidTimeouts.get(method);
  if (timeoutMs === undefined) {
    timeoutMs = getOption(method, rest).timeoutSeconds * 1_000;
    saidTimeouts.set(method, timeoutMs);
  }
  return timeoutMs;
}
