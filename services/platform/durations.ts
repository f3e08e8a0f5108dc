import type { Histogram, Registry } from "prom-client";

/** Upper bounds in seconds: from a call within the process to the longest deadline that a client may ask for. */
const bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30];

/** How long the things of one set of labels took. */
export interface Durations {
  observe(seconds: number): void;
}

/**
 * A histogram of a prom-client registry, which it shows as any other. To observe is to count up twice: prom-client's own
 * looks its series up each time, for the price of a good part of a call.
 */
export class DurationHistogram<Label extends string> {
  private readonly name: string;
  private readonly help: string;
  private readonly series: Series<Label>[] = [];

  constructor(registry: Registry, { name, help }: { readonly name: string; readonly help: string }) {
    this.name = name;
    this.help = help;
    // All that a registry asks of a metric is its name, and to get it.
    registry.registerMetric(this as unknown as Histogram);
  }

  /** A new series; its labels are no other's. */
  with(labels: Readonly<Record<Label, string>>): Durations {
    const series = new Series(this.name, labels);
    this.series.push(series);
    return series;
  }

  async get(): Promise<object> {
    const { name, help } = this;
    return { name, help, type: "histogram", aggregator: "sum", values: this.series.flatMap((one) => one.values()) };
  }
}

class Series<Label extends string> implements Durations {
  private readonly name: string;
  private readonly labels: Readonly<Record<Label, string>>;
  /** By the bound that they are within; the last are within none. */
  private readonly counts = new Float64Array(bounds.length + 1);
  private sum = 0;

  constructor(name: string, labels: Readonly<Record<Label, string>>) {
    this.name = name;
    this.labels = labels;
  }

  observe(seconds: number): void {
    let index = 0;
    while (seconds > (bounds[index] ?? Number.POSITIVE_INFINITY)) index++;
    this.counts[index] = (this.counts[index] ?? 0) + 1;
    this.sum += seconds;
  }

  /** Each bucket holds what is within the ones before it too. */
  values() {
    const { name, labels } = this;
    let count = 0;
    const buckets = [...this.counts].map((within, index) => {
      count += within;
      return { metricName: `${name}_bucket`, labels: { le: bounds[index] ?? "+Inf", ...labels }, value: count };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: this.sum },
      { metricName: `${name}_count`, labels, value: count },
    ];
  }
}
