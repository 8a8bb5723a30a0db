/**
 * What a server costs, read from Linux's /proc over its process tree: CPU with
 * what reaped children used, and the peak of the proportional set size.
 *
 * CPU comes in clock ticks of 10 ms, hence many requests per measurement; of a
 * single cold request it is good to a tick or two. Memory is sampled, so a
 * child of a few milliseconds may be missed.
 *
 * @module
 */

/** USER_HZ: 100 on every Linux that people run (proc(5)). */
const TICK_MS = 10;
const SAMPLE_EVERY_MS = 20;
const SETTLE_STEP_MS = 25;
/** Equal readings in a row that count as quiet: more than one tick apart. */
const SETTLE_READINGS = 3;
const SETTLE_LIMIT_MS = 3_000;

/** The ids of a process and all its living descendants. */
export function processTree(root: number): number[] {
  const found = [root];
  // Grows while it is walked: children of children follow.
  for (const pid of found) {
    for (const task of listDirectory(`/proc/${pid}/task`)) {
      const children = readText(`/proc/${pid}/task/${task}/children`) ?? "";
      for (const child of children.split(" ")) {
        if (child !== "") found.push(Number(child));
      }
    }
  }
  return found;
}

/**
 * CPU in milliseconds that a tree has used since it began: user and system
 * time of the living, and of the dead as far as their parents reaped them.
 */
export function treeCpuMs(root: number): number {
  let ticks = 0;
  for (const pid of processTree(root)) {
    ticks += statTicks(readText(`/proc/${pid}/stat`) ?? "");
  }
  return ticks * TICK_MS;
}

/** utime + stime + cutime + cstime of a `/proc/<pid>/stat` line; 0 if empty. */
export function statTicks(stat: string): number {
  // The command may hold blanks and parentheses; the last `)` ends it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields.length < 15) return 0;
  return Number(fields[11]) + Number(fields[12]) + Number(fields[13]) +
    Number(fields[14]);
}

/** The sum of the tree's proportional set sizes now, in bytes. */
export function treePss(root: number): number {
  let kilobytes = 0;
  for (const pid of processTree(root)) {
    // Gone or a zombie: it holds no memory.
    const rollup = readText(`/proc/${pid}/smaps_rollup`) ?? "";
    kilobytes += Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1] ?? 0);
  }
  return kilobytes * 1024;
}

/** Samples a tree's memory until it is stopped; the peak is what it keeps. */
export class MemorySampler {
  readonly #root: number;
  readonly #timer: ReturnType<typeof setInterval>;
  #peak: number;

  constructor(root: number) {
    this.#root = root;
    this.#peak = treePss(root);
    this.#timer = setInterval(() => this.#sample(), SAMPLE_EVERY_MS);
  }

  /** Takes a last sample and returns the peak in bytes. */
  stop(): number {
    clearInterval(this.#timer);
    this.#sample();
    return this.#peak;
  }

  #sample(): void {
    this.#peak = Math.max(this.#peak, treePss(this.#root));
  }
}

/**
 * Waits until a tree uses no more CPU, so that work left for after the answer
 * (children to reap, caches to write) is counted and the next measurement
 * starts from rest. Returns the CPU used so far, in milliseconds.
 */
export async function settle(root: number): Promise<number> {
  const end = performance.now() + SETTLE_LIMIT_MS;
  let [cpu, equal] = [treeCpuMs(root), 0];
  while (equal < SETTLE_READINGS && performance.now() < end) {
    await pause(SETTLE_STEP_MS);
    const now = treeCpuMs(root);
    equal = now === cpu ? equal + 1 : 0;
    cpu = now;
  }
  return cpu;
}

/** Waits for some milliseconds. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function readText(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    // Processes end between listing and reading.
    return undefined;
  }
}

function listDirectory(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].map((entry) => entry.name);
  } catch {
    return [];
  }
}
