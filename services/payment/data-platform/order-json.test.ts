import { create } from "@bufbuild/protobuf";
import test from "ava";
import fc from "fast-check";
import { OrderSchema, OrderStatus, PaymentMethod } from "../../../gen/giftmesh/payment/v1/order_pb.ts";
import { compileMessageWriter } from "../../edge/encode.ts";
import { toTimestamp } from "../../platform/time.ts";
import { bodyOf } from "./order-json.ts";
import { entryOf } from "./testing/shop.ts";

const textOf = (body: Uint8Array) => Buffer.from(body).toString("utf8");

test("a body tells what happened, when, and to which order", (t) => {
  const entry = entryOf({ orderId: 17, userId: 3, occurredAt: 1_795_218_862_433_007n });
  t.deepEqual(JSON.parse(textOf(bodyOf(entry))), {
    type: "order.paid",
    timestamp: "2026-11-20T23:54:22.433007Z",
    data: {
      id: 17,
      user_id: 3,
      vendor_id: 1,
      product_id: 2,
      items: [
        {
          product_id: 2,
          vendor_id: 1,
          name: "A kettle",
          quantity: 1,
          unit_price: "20.00",
          offer_id: null,
          discount_amount: "0.00",
          total_amount: "20.00",
          completed_at: null,
        },
      ],
      discount_amount: "0.00",
      total_amount: "20.00",
      currency: "SAR",
      status: "completed",
      payment_method: "balance",
      payment_id: 17,
      coupon_id: null,
      created_at: "2026-11-20T23:54:22.433007Z",
      expires_at: null,
      paid_at: "2026-11-20T23:54:22.433007Z",
    },
  });
});

const id = fc.bigInt(1n, 2n ** 53n - 1n);
const time = fc.bigInt(0n, 4_102_444_799_999_999n).map(toTimestamp);
const perhaps = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });
const text = fc.string({ unit: "grapheme" });
const item = fc.record({
  productId: id,
  vendorId: id,
  name: text,
  quantity: id,
  unitPrice: text,
  offerId: perhaps(id),
  discountAmount: text,
  totalAmount: text,
  completedAt: perhaps(time),
});
const order = fc.record({
  id,
  userId: id,
  vendorId: perhaps(id),
  productId: perhaps(id),
  items: fc.array(item, { maxLength: 3 }),
  discountAmount: text,
  totalAmount: text,
  currency: text,
  status: fc.constantFrom(...Object.values(OrderStatus).filter((value) => typeof value === "number")),
  paymentMethod: fc.constantFrom(...Object.values(PaymentMethod).filter((value) => typeof value === "number")),
  paymentId: id,
  couponId: perhaps(id),
  createdAt: perhaps(time),
  expiresAt: perhaps(time),
  paidAt: perhaps(time),
});

test("an order is what REST shows of it, to the letter", (t) => {
  const write = compileMessageWriter(OrderSchema);
  fc.assert(
    fc.property(order, (init) => {
      const given = init as Parameters<typeof bodyOf>[0]["order"];
      const body = textOf(bodyOf({ type: "order.paid", order: given, occurredAt: 0n }));
      t.is(
        body,
        `{"type":"order.paid","timestamp":"1970-01-01T00:00:00.000000Z","data":${write(create(OrderSchema, given))}}`,
      );
    }),
  );
});
