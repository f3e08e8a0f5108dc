import { Counter, Gauge, type Registry } from "prom-client";
import { showNumber } from "../platform/gauges.ts";
import type { Verdict } from "./callbacks/callback-server.ts";
import type { AskingOutcome, Circuit } from "./provider/circuit.ts";
import type { Requests } from "./store/requests.ts";

/** What to call for what is to be counted. */
export interface Counting {
  readonly onAnswer: (kind: AskingOutcome["kind"]) => void;
  readonly onCallback: (verdict: Verdict) => void;
}

/** Shows how it is with the voucher provider. */
export function countProvider(
  registry: Registry,
  { requests, circuit }: { readonly requests: Pick<Requests, "openCount">; readonly circuit: Circuit },
): Counting {
  const registers = [registry];
  const answers = new Counter({
    name: "giftmesh_voucher_provider_answers_total",
    help: "What requests to the voucher provider came to.",
    labelNames: ["kind"],
    registers,
  });
  const callbacks = new Counter({
    name: "giftmesh_voucher_callbacks_total",
    help: "What came to the port for the voucher provider's callbacks.",
    labelNames: ["verdict"],
    registers,
  });
  new Gauge({
    name: "giftmesh_voucher_provider_circuit_open",
    help: "1 while the voucher provider fails and is left alone, else 0.",
    registers,
    collect() {
      this.set(circuit.isClosed ? 0 : 1);
    },
  });
  showNumber(registry, {
    name: "giftmesh_voucher_requests_open",
    help: "Requests that wait for the voucher provider to be asked, or to call back.",
    count: () => requests.openCount(),
  });
  return {
    onAnswer: (kind) => answers.inc({ kind }),
    onCallback: (verdict) => callbacks.inc({ verdict }),
  };
}
