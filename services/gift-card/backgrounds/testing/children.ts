import { readdirSync, readFileSync } from "node:fs";

/** The processes that a process has started, of those that are still there. */
export function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name) && parentOf(name) === String(pid))
    .map(Number);
}

/** proc(5): what follows the name, which is in brackets, is the state and the parent. */
function parentOf(pid: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1)?.split(" ")[1];
  } catch {
    return undefined;
  }
}
