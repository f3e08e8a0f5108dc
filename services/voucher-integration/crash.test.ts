import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { eventually } from "../platform/testing/eventually.ts";
import { freePorts } from "../platform/testing/free-ports.ts";
import { flow, type Scene } from "./testing/flow.ts";

const program = fileURLToPath(new URL("./testing/crashing-integration.ts", import.meta.url));

/** Which change of requests the replica dies over, and whether the provider's code takes longer than to acknowledge. */
const deaths = [
  { title: "between the provider's code and its commit", change: 1, when: "before", delayMs: 0 },
  { title: "between the commit of the provider's code and the event's sending", change: 1, when: "after", delayMs: 0 },
  { title: "between the provider's acknowledgement and its commit", change: 1, when: "before", delayMs: 400 },
  { title: "right after the commit of the provider's acknowledgement", change: 1, when: "after", delayMs: 400 },
  { title: "between the provider's callback and its commit", change: 2, when: "before", delayMs: 400 },
  { title: "between the commit of the provider's callback and its answer", change: 2, when: "after", delayMs: 400 },
] as const;

for (const { title, change, when, delayMs } of deaths) {
  flow(
    `a replica that is killed ${title} loses no code, and gives none twice`,
    async (t, scene) => {
      const [providerPort = 0, callbackPort = 0] = await freePorts(2);
      const simulator = await scene.simulator(providerPort);
      await simulator.behave({ delay_ms: delayMs });
      const environment = { VOUCHER_CALLBACK_PORT: String(callbackPort) };
      const next = await scene.integration(simulator.url, { environment });
      const asker = await scene.asker();
      asker.begin();
      await asker.want({ requestId: 7 });
      await eventually(async () => (await next.requests()).length === 1);

      t.is(
        await runUntilItDies(scene, [String(change), when], { ...environment, VOUCHER_PROVIDER_URL: simulator.url }),
        "SIGKILL",
      );
      t.deepEqual(await asker.heard(), []);
      t.is((await simulator.vouchers()).length, 1);

      await next.begin();
      const [voucher] = await simulator.vouchers();
      t.deepEqual(await asker.hears(1), [{ requestId: 7, code: voucher?.voucher_code ?? "none", channel: "sms" }]);
      await eventually(async () => (await simulator.vouchers())[0]?.callback !== "due");
      t.is((await asker.heard()).length, 1);
      t.is((await simulator.vouchers()).length, 1);
      t.is((await next.everything())[1]?.length, 1);
    },
    { environment: { VOUCHER_LATE_AFTER_MS: "100" } },
  );
}

/** Answers the signal that ended the process. */
async function runUntilItDies(
  { engine, environment }: Scene,
  args: readonly string[],
  own: Readonly<Record<string, string>>,
): Promise<string> {
  const settings = JSON.stringify({ ...engine.environment, ...environment, ...own });
  const child = spawn(process.execPath, [program, ...args, engine.name, settings], { stdio: "inherit" });
  const [code, signal] = await once(child, "exit");
  return signal ?? `exit ${code}`;
}
