/**
 * How long folders to publish take to make: `gitsrv export` of a whole
 * repository beside git doing the same work, which is `git clone --bare`,
 * `git repack -ad` and `git update-server-info`; and a run with nothing new.
 *
 * Each run is a process of its own, start included, and they take turns.
 *
 * @module
 */

import { git, GIT_ENV } from "./git.ts";
import { cacheDirectory } from "./repos.ts";
import { bunPath, type ServerName } from "./servers.ts";
import { figure, median, ratio, ratioText, table } from "./stats.ts";

/** What the rows are called on the command line. */
export const EXPORT_ROWS = ["export-first", "export-again"] as const;

/** One of them. */
export type ExportRow = (typeof EXPORT_ROWS)[number];

/** What one program did in the rounds of one row. */
export interface ExportResult {
  readonly row: ExportRow;
  readonly server: ServerName;
  /** Seconds. */
  readonly values: readonly number[];
}

/** What is to be measured. */
export interface ExportBenchOptions {
  readonly rows: readonly ExportRow[];
  readonly servers: readonly ServerName[];
  readonly rounds: number;
  /** The repository that is exported; none: nothing is measured. */
  readonly repo?: string;
  readonly progress: (line: string) => void;
}

/** Targets: at most so many times git's wall; seconds with nothing new. */
const MOST_FIRST = 0.5;
const MOST_AGAIN = 1;

const CLI = new URL("../cli.ts", import.meta.url).pathname;

/** Measures the rows, all programs in turn. */
export async function measureExports(
  { rows, servers, rounds, repo, progress }: ExportBenchOptions,
): Promise<readonly ExportResult[]> {
  if (repo === undefined || rows.length === 0) return [];
  await Deno.mkdir(cacheDirectory(), { recursive: true });
  const results = new Map<string, number[]>();
  const add = (row: ExportRow, server: ServerName, ms: number) => {
    const key = `${row} ${server}`;
    results.set(key, [...results.get(key) ?? [], ms / 1000]);
  };
  for (let round = 0; round < rounds; round++) {
    for (const server of servers) {
      progress(`export: ${server}, round ${round + 1}`);
      const base = await Deno.makeTempDir({
        dir: cacheDirectory(),
        prefix: "export-",
      });
      try {
        const out = `${base}/out.git`;
        const run = () =>
          timed(() =>
            server === "git" ? byGit(repo, out) : byUs(server, repo, out)
          );
        add("export-first", server, await run());
        if (server !== "git") add("export-again", server, await run());
      } finally {
        await Deno.remove(base, { recursive: true });
      }
    }
  }
  return rows.flatMap((row) =>
    servers.flatMap((server) => {
      const values = results.get(`${row} ${server}`);
      return values === undefined ? [] : [{ row, server, values }];
    })
  );
}

async function timed(work: () => Promise<void>): Promise<number> {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}

async function byGit(repo: string, out: string): Promise<void> {
  await git(["clone", "--quiet", "--bare", "--no-local", repo, out]);
  await git(["-C", out, "repack", "-adq"]);
  await git(["-C", out, "update-server-info"]);
}

async function byUs(
  server: ServerName,
  repo: string,
  out: string,
): Promise<void> {
  const [program, ...args] = server === "bun"
    ? [bunPath(), CLI]
    : [Deno.execPath(), "run", "-A", CLI];
  const { code, stderr } = await new Deno.Command(program as string, {
    args: [...args, "export", repo, "--out", out],
    env: GIT_ENV,
    stdin: "null",
    stdout: "null",
  }).output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
}

/** The table, and whether the promises are kept. */
export function exportReport(results: readonly ExportResult[]): string {
  const base = (row: ExportRow) =>
    results.find((other) => other.row === row && other.server === "git");
  const ratioOf = ({ row, values }: ExportResult) => {
    const theirs = base(row)?.values;
    return ratio(median(values), theirs && median(theirs));
  };
  const rows = results.map((result) => [
    result.row,
    result.server,
    `${figure(median(result.values))} s`,
    ratioText(ratioOf(result)),
  ]);
  const verdicts = results.filter(({ server }) => server !== "git")
    .flatMap((result) => {
      const what = `${result.row}, ${result.server}`;
      const seconds = median(result.values);
      if (result.row === "export-again") {
        return [
          `${what}: ${figure(seconds)} s, less than ${MOST_AGAIN} s: ` +
          (seconds < MOST_AGAIN ? "met" : "not met"),
        ];
      }
      const times = ratioOf(result);
      if (times === undefined) return [];
      return [
        `${what}: ${ratioText(times)}, at most ${MOST_FIRST}x: ` +
        (times <= MOST_FIRST ? "met" : "not met"),
      ];
    });
  return [
    `Folders to publish, median of ${results[0]?.values.length ?? 0}`,
    table(
      ["row", "program", "result", "ratio"],
      rows,
      ["left", "left", "right", "right"],
    ),
    "",
    ...verdicts,
  ].join("\n");
}
