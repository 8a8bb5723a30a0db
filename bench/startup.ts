/**
 * How long a client waits for the first byte of one session: `serve-command`
 * in the binary with Bun inside, beside a binary that prints a line and has
 * nothing else in it. Both are built here, in the same run, and take turns.
 *
 * git's own program and Deno without a binary are shown for comparison.
 *
 * @module
 */

import { type BenchRepository, generatedRepository } from "./repos.ts";
import { bunPath } from "./servers.ts";
import { figure, median, table } from "./stats.ts";

/** What the row is called on the command line. */
export const STARTUP = "startup";

/** The promise: our first byte within so many times that of the empty one. */
const TARGET = 1.5;

const ROOT = new URL("../", import.meta.url).pathname;

/** One program, and how long its first byte took in each round, ms. */
export interface StartupResult {
  readonly name: string;
  readonly protocol: 0 | 2 | undefined;
  readonly times: readonly number[];
}

interface Contestant {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly protocol: 0 | 2 | undefined;
}

/** Builds the binaries and measures, `rounds` times each in turn. */
export async function measureStartup(
  rounds: number,
  progress: (line: string) => void,
): Promise<readonly StartupResult[]> {
  const directory = await Deno.makeTempDir({ prefix: "gitsrv-startup-" });
  try {
    progress("building binaries");
    const empty = await buildEmpty(directory);
    await build(Deno.execPath(), ["task", "--quiet", "compile:bun"], ROOT);
    const contestants = contestantsOf(
      empty,
      await generatedRepository("small"),
    );
    const times = contestants.map(() => [] as number[]);
    for (let round = -1; round < rounds; round++) {
      progress(`round ${round + 1} of ${rounds}`);
      for (const [i, contestant] of contestants.entries()) {
        const ms = await firstByte(contestant);
        // The first round warms the page cache.
        if (round >= 0) times[i]?.push(ms);
      }
    }
    return contestants.map(({ name, protocol }, i) => ({
      name,
      protocol,
      times: times[i] ?? [],
    }));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function contestantsOf(
  empty: string,
  { directory }: BenchRepository,
): Contestant[] {
  const serve = ["serve-command", "git-upload-pack", directory];
  const cli = ["run", "-A", "--quiet", `${ROOT}cli.ts`, ...serve];
  const programs = [
    {
      name: "gitsrv, Bun binary",
      program: `${ROOT}dist/gitsrv-bun`,
      args: serve,
    },
    { name: "gitsrv, deno run", program: Deno.execPath(), args: cli },
    { name: "git", program: "git", args: ["upload-pack", directory] },
  ];
  return [
    { name: "empty Bun binary", program: empty, args: [], protocol: undefined },
    ...programs.flatMap((each) =>
      ([0, 2] as const).map((protocol) => ({ ...each, protocol }))
    ),
  ];
}

/** Prints a line, and that is all. */
async function buildEmpty(directory: string): Promise<string> {
  const source = `${directory}/empty.ts`;
  const binary = `${directory}/empty`;
  await Deno.writeTextFile(source, 'console.log("empty");\n');
  await build(
    bunPath(),
    ["build", "--compile", "--outfile", binary, source],
    directory,
  );
  return binary;
}

async function build(
  program: string,
  args: readonly string[],
  cwd: string,
): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** From before the start of a process to its first byte, milliseconds. */
async function firstByte(
  { name, program, args, protocol }: Contestant,
): Promise<number> {
  const begin = performance.now();
  const child = new Deno.Command(program, {
    args: [...args],
    env: protocol === 2 ? { GIT_PROTOCOL: "version=2" } : {},
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const ms = performance.now() - begin;
  if (value === undefined) throw new Error(`${name} said nothing`);
  const writer = child.stdin.getWriter();
  // A program that does not read has left by now.
  await writer.write(new TextEncoder().encode("0000")).catch(() => {});
  await writer.close().catch(() => {});
  while (!(await reader.read()).done);
  await child.status;
  return ms;
}

/** The table, and whether the promise is kept. */
export function startupReport(results: readonly StartupResult[]): string {
  const base = median(results[0]?.times ?? []);
  const rows = results.map(({ name, protocol, times }) => {
    const ms = median(times);
    return [
      name,
      protocol === undefined ? "" : `v${protocol}`,
      `${figure(ms)} ms`,
      figure(ms / base),
    ];
  });
  const own = results.filter(({ name }) => name.startsWith("gitsrv, Bun"))
    .map(({ protocol, times }) => {
      const factor = median(times) / base;
      return `startup v${protocol}: ${figure(factor)} times an empty binary, ` +
        `at most ${TARGET}: ${factor <= TARGET ? "met" : "not met"}`;
    });
  const count = results[0]?.times.length ?? 0;
  return [
    `Start to first byte, median of ${count}`,
    table(["program", "protocol", "wall", "ratio"], rows, [
      "left",
      "left",
      "right",
      "right",
    ]),
    "",
    ...own,
  ].join("\n");
}
