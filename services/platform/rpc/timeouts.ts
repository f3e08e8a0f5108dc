import { type DescMethod, getOption } from "@bufbuild/protobuf";
import { rest } from "../../../gen/giftmesh/common/v1/rest_pb.ts";
import { defaultTimeoutMs } from "./call.ts";

/** How long a call of an RPC may take where nobody said, in milliseconds. */
export function usualTimeoutMs(method: DescMethod): number {
  return getOption(method, rest).timeoutSeconds * 1_000 || defaultTimeoutMs;
}

/** Whether an RPC waits for news: its calls are not waited for where a server stops, but told to end. */
export function waitsForNews(method: DescMethod): boolean {
  return getOption(method, rest).timeoutSeconds > 0;
}
