import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import type { Delivery } from "./delivery.ts";
import { FileReceiver } from "./file-receiver.ts";
import { bodyOf } from "./order-json.ts";
import { entryOf } from "./testing/shop.ts";

function fileOf(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), "giftmesh-"));
  t.teardown(() => rmSync(directory, { recursive: true }));
  return join(directory, "made-at-need", "data-platform.jsonl");
}

function delivery(orderId: number): Delivery {
  const entry = entryOf({ orderId, userId: 3 });
  const { type, occurredAt } = entry;
  return {
    place: 1n,
    type,
    orderId: BigInt(orderId),
    userId: 3n,
    body: bodyOf(entry),
    occurredAt,
    attempts: 0,
    error: "",
  };
}

const lines = (file: string) => readFileSync(file, "utf8").trimEnd().split("\n");

test("every delivery is a line of JSON: its body, with its id", async (t) => {
  const file = fileOf(t);
  const receiver = new FileReceiver(file);
  const deliveries = Array.from({ length: 50 }, (_, index) => delivery(index + 1));
  const answers = await Promise.all(deliveries.map((one) => receiver.take(one)));
  t.true(answers.every(({ kind }) => kind === "taken"));
  t.deepEqual(
    lines(file).map((line) => JSON.parse(line)),
    deliveries.map(({ orderId, body }) => ({
      id: `order-${orderId}-paid`,
      ...JSON.parse(Buffer.from(body).toString("utf8")),
    })),
  );
  t.is(statSync(file).mode & 0o777, 0o600);
});

test("half a line that a crash has left does not spoil the next one", async (t) => {
  const file = fileOf(t);
  await new FileReceiver(file).take(delivery(1));
  appendFileSync(file, '{"id":"order-2-pa');
  await new FileReceiver(file).take(delivery(2));
  t.is(lines(file).length, 3);
  t.like(JSON.parse(lines(file)[2] ?? ""), { id: "order-2-paid", data: { id: 2 } });
});

test("where it cannot be written, nothing is said of the delivery, and later it goes on", async (t) => {
  const file = fileOf(t);
  const directory = join(file, "..");
  writeFileSync(directory, "a file in the place of the directory");
  const receiver = new FileReceiver(file);
  t.is((await receiver.take(delivery(1))).kind, "unreachable");
  rmSync(directory);
  t.is((await receiver.take(delivery(1))).kind, "taken");
});
