/**
 * How servers take pushes: whole histories by git's own client into an empty
 * repository, and pushes of one commit, to one repository and to sixteen at
 * once, with as much pressed to the disk as git does (`gitsrv.fsync=git`) and
 * with everything (`full`, beside git's `core.fsync=all`).
 *
 * Repositories are made anew for each measurement; the servers take turns.
 * Nobody maintains a repository meanwhile (`receive.autogc` is off).
 *
 * @module
 */

import { git, tryGit } from "./git.ts";
import { MemorySampler, settle } from "./measure.ts";
import {
  BRANCH,
  oneCommitPushes,
  type OnePush,
  pushOne,
} from "./push_client.ts";
import { cacheDirectory, generatedRepository } from "./repos.ts";
import { type ServerName, startServer } from "./servers.ts";
import { figure, median, ratio, ratioText, table } from "./stats.ts";

/** What the rows are called on the command line. */
export const PUSH_ROWS = ["push-history", "push-one", "push-16"] as const;

/** One of them. */
export type PushRow = (typeof PUSH_ROWS)[number];

/** How much is pressed to the disk. */
type Pressing = "git" | "full";

/** What one server did in the rounds of one row. */
export interface PushResult {
  readonly row: PushRow;
  readonly pressing: Pressing;
  readonly server: ServerName;
  /** Seconds of a whole history; pushes per second of the others. */
  readonly values: readonly number[];
  readonly cpuMs: readonly number[];
  readonly peakBytes: readonly number[];
}

/** What is to be measured. */
export interface PushOptions {
  readonly rows: readonly PushRow[];
  readonly servers: readonly ServerName[];
  readonly rounds: number;
  readonly size: "full" | "quick";
  /** The repository whose history is pushed; none: no such row. */
  readonly repo?: string;
  readonly progress: (line: string) => void;
}

const REPOSITORIES = 16;
/** Targets: at most so many times git's wall, at least its pushes, bytes. */
const MOST_WALL = 1.2;
const LEAST_RATE = 1.5;
const MOST_BYTES = 512 * 1024 * 1024;

/** Measures the rows, all servers in turn. */
export async function measurePushes(
  options: PushOptions,
): Promise<readonly PushResult[]> {
  const results: PushResult[] = [];
  for (const row of options.rows) {
    if (row === "push-history" && options.repo === undefined) continue;
    const pressings = row === "push-history"
      ? ["git"] as const
      : ["git", "full"] as const;
    for (const pressing of pressings) {
      results.push(...await measureRow(row, pressing, options));
    }
  }
  return results;
}

async function measureRow(
  row: PushRow,
  pressing: Pressing,
  options: PushOptions,
): Promise<PushResult[]> {
  const results = options.servers.map((server) => ({
    row,
    pressing,
    server,
    values: [] as number[],
    cpuMs: [] as number[],
    peakBytes: [] as number[],
  }));
  for (let round = 0; round < options.rounds; round++) {
    for (const result of results) {
      options.progress(
        `${row} (${pressing}): ${result.server}, round ${round + 1}`,
      );
      const sample = await measureOnce(row, pressing, result.server, options);
      result.values.push(sample.value);
      result.cpuMs.push(sample.cpuMs);
      result.peakBytes.push(sample.peakBytes);
    }
  }
  return results;
}

interface PushSample {
  readonly value: number;
  readonly cpuMs: number;
  readonly peakBytes: number;
}

async function measureOnce(
  row: PushRow,
  pressing: Pressing,
  name: ServerName,
  { repo, size }: PushOptions,
): Promise<PushSample> {
  await Deno.mkdir(cacheDirectory(), { recursive: true });
  const base = await Deno.makeTempDir({
    dir: cacheDirectory(),
    prefix: "push-",
  });
  try {
    const config = `${base}/server.gitconfig`;
    await Deno.writeTextFile(config, serverConfig(pressing));
    const work = row === "push-history"
      ? await historyWork(base, repo as string)
      : await smallWork(base, row, size);
    const server = await startServer(name, base, {
      args: ["--enable=receive-pack"],
      config,
    });
    try {
      await work.warm(server.port);
      const before = await settle(server.pid);
      const memory = new MemorySampler(server.pid);
      const begin = performance.now();
      await work.run(server.port);
      const wallMs = performance.now() - begin;
      const peakBytes = memory.stop();
      const cpuMs = (await settle(server.pid)) - before;
      await work.check();
      return { value: work.value(wallMs), cpuMs, peakBytes };
    } catch (cause) {
      throw new Error(`${row}, ${name}: ${server.complaints()}`, { cause });
    } finally {
      await server.stop();
    }
  } finally {
    await Deno.remove(base, { recursive: true });
  }
}

function serverConfig(pressing: Pressing): string {
  const lines = [
    "[receive]",
    "\tautogc = false",
    "[gitsrv]",
    `\tfsync = ${pressing}`,
  ];
  if (pressing === "full") lines.push("[core]", "\tfsync = all");
  return `${lines.join("\n")}\n`;
}

interface Work {
  warm(port: number): Promise<void>;
  run(port: number): Promise<void>;
  /** Proves that what was pushed is there. */
  check(): Promise<void>;
  value(wallMs: number): number;
}

async function historyWork(base: string, repo: string): Promise<Work> {
  const target = `${base}/history.git`;
  await git(["init", "--quiet", "--bare", target]);
  const refs = await git(["-C", repo, "for-each-ref"]);
  return {
    warm: () => Promise.resolve(),
    run: async (port) => {
      const url = `git://127.0.0.1:${port}/history.git`;
      await git(["-C", repo, "push", "--quiet", "--mirror", url]);
    },
    check: async () => {
      if (await git(["-C", target, "for-each-ref"]) !== refs) {
        throw new Error("Refs differ after the push");
      }
    },
    value: (wallMs) => wallMs / 1000,
  };
}

async function smallWork(
  base: string,
  row: PushRow,
  size: "full" | "quick",
): Promise<Work> {
  const source = await generatedRepository("small");
  const count = row === "push-one" ? 1 : REPOSITORIES;
  const each = (size === "quick" ? 64 : 400) / count + WARM_PUSHES;
  const pushes = oneCommitPushes(source.tip, each);
  const names = Array.from({ length: count }, (_, i) => `r${i}.git`);
  for (const name of names) {
    await git([
      ...["clone", "--quiet", "--bare", "--no-hardlinks", "--no-local"],
      ...[`file://${source.directory}`, `${base}/${name}`],
    ]);
  }
  const all = (port: number, part: readonly OnePush[]) =>
    Promise.all(names.map(async (name) => {
      for (const push of part) await pushOne(port, `/${name}`, push);
    }));
  return {
    warm: async (port) => {
      await all(port, pushes.slice(0, WARM_PUSHES));
    },
    run: async (port) => {
      await all(port, pushes.slice(WARM_PUSHES));
    },
    check: async () => {
      for (const name of names) {
        const at = ["-C", `${base}/${name}`];
        const tip = await git([...at, "rev-parse", BRANCH]);
        if (tip.trim() !== pushes.at(-1)?.new) {
          throw new Error("A push is lost");
        }
        const { code } = await tryGit([...at, "fsck", "--connectivity-only"]);
        if (code !== 0) throw new Error(`${name} is broken`);
      }
    },
    value: (wallMs) => (each - WARM_PUSHES) * count / (wallMs / 1000),
  };
}

/** Pushes before the clock starts. */
const WARM_PUSHES = 5;

/** The table, and whether the promises are kept. */
export function pushReport(results: readonly PushResult[]): string {
  const baseOf = ({ row, pressing }: PushResult): PushResult | undefined =>
    results.find((other) =>
      other.row === row && other.pressing === pressing && other.server === "git"
    );
  const own = (values: readonly number[] | undefined) =>
    values === undefined ? undefined : median(values);
  const rows = results.map((result) => {
    const base = baseOf(result);
    const value = median(result.values);
    return [
      result.row,
      result.pressing,
      result.server,
      result.row === "push-history"
        ? `${figure(value)} s`
        : `${figure(value)} /s`,
      ratioText(ratio(value, own(base?.values))),
      ratioText(ratio(median(result.cpuMs), own(base?.cpuMs))),
      `${figure(median(result.peakBytes) / 1024 / 1024)} MiB`,
    ];
  });
  const verdicts = results.filter(({ server }) => server !== "git")
    .flatMap((result) => {
      const times = ratio(median(result.values), own(baseOf(result)?.values));
      if (times === undefined) return [];
      const what = `${result.row} (${result.pressing}), ${result.server}`;
      if (result.row !== "push-history") {
        return [verdict(what, times, times >= LEAST_RATE, `${LEAST_RATE}x`)];
      }
      const peak = median(result.peakBytes);
      return [
        verdict(what, times, times <= MOST_WALL, `at most ${MOST_WALL}x`),
        `${what}: ${figure(peak / 1024 / 1024)} MiB, at most 512 MiB: ` +
        (peak <= MOST_BYTES ? "met" : "not met"),
      ];
    });
  return [
    `Pushes, median of ${results[0]?.values.length ?? 0}`,
    table(
      ["row", "fsync", "server", "result", "ratio", "CPU", "peak memory"],
      rows,
      ["left", "left", "left", "right", "right", "right", "right"],
    ),
    "",
    ...verdicts,
  ].join("\n");
}

function verdict(
  what: string,
  times: number,
  isMet: boolean,
  wanted: string,
): string {
  return `${what}: ${ratioText(times)}, ${wanted}: ${
    isMet ? "met" : "not met"
  }`;
}
