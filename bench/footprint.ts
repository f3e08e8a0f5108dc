import { readFileSync } from "node:fs";
import type { Knex } from "knex";
import type { CountedRound, Round } from "./load.ts";

/** Linux counts processor time in hundredths of a second for whoever asks. */
const usPerTick = 10_000;

/** Who does the work of one side of a comparison. */
export interface Workers {
  /** The side's own processes; the database server, which both sides may use, is none of them. */
  readonly pids: readonly number[];
  /** The database server that the side commits to; undefined where it has none that counts. */
  readonly server: Knex | undefined;
}

/** Runs a round, and tells what it cost: processor and memory where there is a /proc, commits where nobody else commits. */
export async function weigh({ pids, server }: Workers, run: () => Promise<CountedRound>): Promise<Round> {
  const [cpuBefore, commitsBefore] = [cpuUsOf(pids), await commitsOf(server)];
  const { operations, ...round } = await run();
  const [cpuAfter, commitsAfter] = [cpuUsOf(pids), await commitsOf(server)];
  return {
    ...round,
    cpuUs: (cpuAfter - cpuBefore) / operations,
    commits: (commitsAfter - commitsBefore) / operations,
    rssMb: sum(pids.map(rssMbOf)),
  };
}

async function commitsOf(server: Knex | undefined): Promise<number> {
  if (!server) return Number.NaN;
  const [[row]] = await server.raw("SHOW GLOBAL STATUS LIKE 'Com_commit'");
  return Number(row.Value);
}

function cpuUsOf(pids: readonly number[]): number {
  return sum(
    pids.map((pid) => {
      // The name may hold anything but ends with the last parenthesis; proc(5) counts utime as field 14.
      const fields = read(`/proc/${pid}/stat`)
        ?.replace(/^.*\) /s, "")
        .split(" ");
      return (Number(fields?.[11]) + Number(fields?.[12])) * usPerTick;
    }),
  );
}

function rssMbOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(read(`/proc/${pid}/status`) ?? "")?.[1]) / 1_024;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
