import test from "ava";
import { engines, testDatabase } from "../../platform/testing/engines.ts";
import { type CodeRequest, newRequest } from "../domain/code-request.ts";
import { migrations } from "./migrations.ts";
import { insertRequests, Requests } from "./requests.ts";

const all = engines();
test.after.always(() => Promise.all(all.map((engine) => engine.remove())));

const present = 1_000n;

const waiting = (id: bigint, dueAt: bigint): CodeRequest =>
  newRequest({ id, phoneNumber: "+84909123456", requestedAt: 0n }, 600_000, dueAt);

const acknowledged = (id: bigint, dueAt: bigint): CodeRequest => ({
  ...waiting(id, dueAt),
  state: "acknowledged",
  challenge: `challenge-${id}`,
});

for (const engine of all) {
  test(`what waits is due before what is asked for again, the longest due first (${engine.name})`, async (t) => {
    const database = await testDatabase(engine, "requests", migrations);
    t.teardown(() => database.close());
    const settled: CodeRequest = { ...acknowledged(9n, 0n), state: "received", settledAt: 1n };
    const known = [
      ...[acknowledged(1n, 20n), acknowledged(2n, 10n), acknowledged(3n, 30n), acknowledged(4n, present + 1n)],
      ...[waiting(5n, 900n), waiting(6n, 800n), waiting(7n, present + 1n), { ...waiting(8n, 0n), givesUpAt: present }],
      settled,
    ];
    await database.transaction((tx) => tx.run([insertRequests(database.dialect, known)]));
    const requests = new Requests(database);
    t.deepEqual(await requests.due(present, 10, 10), [6n, 5n, 2n, 1n, 3n]);
    t.deepEqual(await requests.due(present, 10, 2), [6n, 5n, 2n, 1n]);
    t.deepEqual(await requests.due(present, 10, 0), [6n, 5n]);
    t.deepEqual(await requests.due(present, 3, 10), [6n, 5n, 2n]);
    t.deepEqual(await requests.due(present, 1, 10), [6n]);
  });
}
