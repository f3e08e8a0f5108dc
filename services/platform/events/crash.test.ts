import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Engine } from "../testing/engines.ts";
import { flow } from "../testing/event-flow.ts";
import { Replica, range, type TestTransport } from "../testing/event-mesh.ts";

const points = {
  "after-commit": "before it has sent anything",
  "after-publish": "between sending events and marking them",
  "after-effect": "between an effect and its acknowledgement",
};

for (const [point, when] of Object.entries(points)) {
  flow(`a process that is killed ${when} has every effect once in the end`, async (t, engine, transport) => {
    t.is(await runUntilItDies(point, engine, transport), "SIGKILL");
    const replica = await Replica.start(engine, transport);
    await replica.effectsOf(50);
    await replica.sendAgain();
    await replica.register([51]);
    await replica.effectsOf(51);
    t.deepEqual(
      (await replica.effects()).toSorted((a, b) => a - b),
      range(1, 51),
    );
    await replica.stop();
  });
}

/** Answers the signal that ended the process. */
async function runUntilItDies(
  point: string,
  { name, environment }: Engine,
  { server }: TestTransport,
): Promise<string> {
  const program = fileURLToPath(new URL("../testing/crashing-replica.ts", import.meta.url));
  const broker = server ? [server.url, server.prefix] : [];
  const child = spawn(process.execPath, [program, point, name, JSON.stringify(environment), ...broker], {
    stdio: "inherit",
  });
  const [code, signal] = await once(child, "exit");
  return signal ?? `exit ${code}`;
}
