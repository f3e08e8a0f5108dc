import { Gauge, type Registry } from "prom-client";

/** A number that is counted when it is asked for. */
export interface CountedNumber {
  readonly name: string;
  readonly help: string;
  readonly count: () => Promise<number>;
}

/** Shows a number in /metrics. What cannot be counted now is not shown; everything else is. */
export function showNumber(registry: Registry, { name, help, count }: CountedNumber): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    async collect() {
      await count().then(
        (number) => this.set(number),
        () => this.remove(),
      );
    },
  });
}
