import type { MessageInitShape } from "@bufbuild/protobuf";
import { VoucherChannel } from "../../../../gen/giftmesh/voucher/v1/voucher_events_pb.ts";
import {
  type RequestedCodeSchema,
  type VoucherSchema,
  VoucherStatus,
} from "../../../../gen/giftmesh/voucher/v1/voucher_service_pb.ts";
import { toTimestamp } from "../../../platform/time.ts";
import { type Channel, hasCode, isToBeShown, type Voucher, type VoucherRequest } from "../domain/voucher-request.ts";
import type { VoucherCodes } from "../voucher-codes.ts";

const channelCodes: Readonly<Record<Channel, VoucherChannel>> = {
  web: VoucherChannel.WEB,
  sms: VoucherChannel.SMS,
};

/** A request as whoever watches it sees it. A code that was not shown on the web is still to come, for all they know. */
export function requestedCodeShape(
  request: VoucherRequest,
  codes: VoucherCodes,
): MessageInitShape<typeof RequestedCodeSchema> & object {
  const { id: requestId, requestedAt, state } = request;
  const common = { requestId, requestedAt: toTimestamp(requestedAt) };
  if (!hasCode(request) || isToBeShown(request)) {
    return { ...common, status: state.kind === "failed" ? VoucherStatus.FAILED : VoucherStatus.PROCESSING };
  }
  return {
    ...common,
    status: VoucherStatus.DELIVERED,
    channel: channelCodes[request.state.kind],
    ...(request.state.kind === "web" && { voucherCode: codes.open(request) }),
    receivedAt: toTimestamp(request.state.receivedAt),
  };
}

/** A code as it is listed for whoever's phone it is. */
export function voucherShape(voucher: Voucher, codes: VoucherCodes): MessageInitShape<typeof VoucherSchema> & object {
  const { id: requestId, requestedAt, state } = voucher;
  return {
    requestId,
    voucherCode: codes.open(voucher),
    status: VoucherStatus.DELIVERED,
    channel: channelCodes[state.kind],
    requestedAt: toTimestamp(requestedAt),
    receivedAt: toTimestamp(state.receivedAt),
  };
}
