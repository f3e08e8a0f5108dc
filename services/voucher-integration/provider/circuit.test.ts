import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { byClock } from "../../platform/testing/clocks.ts";
import type { ProviderAnswer } from "../domain/provider-answer.ts";
import { silent } from "../testing/log.ts";
import { Circuit } from "./circuit.ts";

const pauseMs = 200;

async function openCircuit(): Promise<Circuit> {
  const circuit = new Circuit(silent, pauseMs);
  const failing = async (): Promise<ProviderAnswer> => ({ kind: "failed", why: "away" });
  while (circuit.isClosed) await circuit.run(failing);
  return circuit;
}

const answering = async (): Promise<ProviderAnswer> => ({ kind: "code", code: "C1" });

test.serial("a provider is left alone for the pause, and asked again after it", async (t) => {
  const circuit = await openCircuit();
  t.true(circuit.pauseMs > 0);
  t.deepEqual(await circuit.run(answering), { kind: "unasked" });
  await sleep(pauseMs + 10);
  t.is(circuit.pauseMs, 0);
  t.deepEqual(await circuit.run(answering), { kind: "code", code: "C1" });
  t.true(circuit.isClosed);
});

test.serial("a provider is left alone for no longer where the clock is set back meanwhile", async (t) => {
  const circuit = await openCircuit();
  await byClock(-3_600_000, async () => {
    t.true(circuit.pauseMs <= pauseMs, `${circuit.pauseMs} ms`);
    await sleep(pauseMs + 10);
    t.deepEqual(await circuit.run(answering), { kind: "code", code: "C1" });
  });
});
