import { PaymentService } from "../../../gen/giftmesh/payment/v1/payment_service_pb.ts";
import { formatAmount } from "../../platform/money.ts";
import { type Served, serve } from "../../platform/rpc/handler.ts";
import type { Order } from "../domain/order.ts";
import type { Paying } from "../paying.ts";
import { settlingWith } from "./orders.ts";
import { orderShape, paymentShape } from "./shapes.ts";

/** Payments of a member: a payment has the id of its order. */
export function servePayments(paying: Paying): Served {
  return serve(PaymentService, {
    async payPayment({ paymentId }, call) {
      return paidShape(await paying.pay(paymentId, call.caller.userId, call, settlingWith(call, paidShape)));
    },
  });
}

function paidShape(order: Order) {
  return {
    payment: paymentShape(order),
    order: orderShape(order),
    balance: formatAmount(order.balanceAfter ?? 0n, order.currency),
  };
}
