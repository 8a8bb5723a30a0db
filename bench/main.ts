/**
 * The bench: `git daemon`, gitsrv on Deno and gitsrv on Bun, in one run, asked
 * by one client that discards the packs. See `rows.ts` for what is measured.
 *
 * Cold is the first request after a server's start, with a warm page cache;
 * again is the same request later. CPU and memory are those of the server's
 * process tree. Ratios are of medians, against `git daemon` in the same run.
 *
 * @module
 */

import { EXPORT_ROWS, exportReport, measureExports } from "./export.ts";
import { machineFacts } from "./machine.ts";
import { type BenchOptions, parseOptions, USAGE } from "./options.ts";
import { type RepositoryResult, repositoryTable, verdicts } from "./report.ts";
import {
  type BenchRepository,
  GENERATED_KINDS,
  generatedRepository,
  givenRepository,
  helpedRepository,
  type Helper,
  HELPERS,
} from "./repos.ts";
import { measurePushes, PUSH_ROWS, pushReport } from "./push.ts";
import { type Row, ROWS } from "./rows.ts";
import { runRows } from "./run.ts";
import { SERVER_NAMES } from "./servers.ts";
import { measureStartup, STARTUP, startupReport } from "./startup.ts";

/** Rounds of the start-up row: each takes a fraction of a second. */
const STARTUP_ROUNDS = 25;

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args, {
    servers: SERVER_NAMES,
    kinds: GENERATED_KINDS,
    rows: [
      ...ROWS.map((row) => row.name),
      STARTUP,
      ...PUSH_ROWS,
      ...EXPORT_ROWS,
    ],
    helpers: HELPERS,
  });
  if (options === "help") {
    say(USAGE);
    return 0;
  }
  const facts = await machineFacts();
  say(`${facts.join("\n")}\n\n`);
  const isAsked = options.rows.includes(STARTUP);
  const startup = isAsked || options.rows.length === 0
    ? await measureStartup(
      options.size === "quick" ? 5 : STARTUP_ROUNDS,
      (line) => note(`${STARTUP}: ${line}`),
    )
    : [];
  if (startup.length > 0) {
    note("");
    say(`${startupReport(startup)}\n\n`);
  }
  const rows = ROWS.filter((row) =>
    options.rows.length === 0 || options.rows.includes(row.name)
  );
  const servers = SERVER_NAMES.filter((name) => options.servers.includes(name));
  const pushes = await measurePushes({
    ...options,
    servers,
    rows: PUSH_ROWS.filter((row) =>
      options.rows.length === 0 || options.rows.includes(row)
    ),
    ...(options.repos[0] === undefined ? {} : { repo: options.repos[0] }),
    progress: note,
  });
  note("");
  if (pushes.length > 0) say(`${pushReport(pushes)}\n\n`);
  const exports = await measureExports({
    ...options,
    servers,
    rows: EXPORT_ROWS.filter((row) =>
      options.rows.length === 0 || options.rows.includes(row)
    ),
    ...(options.repos[0] === undefined ? {} : { repo: options.repos[0] }),
    progress: note,
  });
  note("");
  if (exports.length > 0) say(`${exportReport(exports)}\n\n`);
  const results: RepositoryResult[] = [];
  for (const make of sources(options, rows)) {
    const repository = await make();
    const result: RepositoryResult = {
      kind: repository.kind,
      title: repository.title,
      rows: await runRows(repository, rows, {
        ...options,
        servers,
        progress: (line) => note(`${repository.title}: ${line}`),
      }),
    };
    note("");
    if (result.rows.length === 0) continue;
    results.push(result);
    say(`${repositoryTable(result)}\n\n`);
  }
  say(verdicts(results).map((line) => `${line}\n`).join(""));
  if (options.json !== undefined) {
    const raw = { facts, options, startup, pushes, exports, results };
    await Deno.writeTextFile(options.json, `${JSON.stringify(raw, null, 1)}\n`);
  }
  return hasFaults(results) ? 1 : 0;
}

/** The repositories to measure, made only when their turn comes. */
function sources(
  { kinds, repos, helpers }: BenchOptions,
  rows: readonly Row[],
): (() => Promise<BenchRepository>)[] {
  const made = GENERATED_KINDS
    .filter((kind) => kinds.includes(kind))
    .filter((kind) => rows.some((row) => row.kinds.includes(kind)))
    .map((kind) => () => {
      note(`${kind}: making the repository`);
      return generatedRepository(kind);
    });
  const given = repos.flatMap((path) => [
    () => givenRepository(path),
    ...HELPERS.filter((helper) => helpers.includes(helper))
      .filter((helper) => rows.some((row) => isAbout(row, helper)))
      .map((helper) => () => {
        note(`${path}: making a copy with ${helper}`);
        return helpedRepository(path, helper);
      }),
  ]);
  return [...made, ...given];
}

function isAbout(row: Row, helper: Helper): boolean {
  return row.kinds.includes(`given+${helper}`);
}

function hasFaults(results: readonly RepositoryResult[]): boolean {
  return results.some(({ rows }) =>
    rows.some(({ measured }) => measured.some((own) => own.faults.length > 0))
  );
}

function say(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) {
    at += Deno.stdout.writeSync(bytes.subarray(at));
  }
}

/** Shows progress on a terminal, over the last one; elsewhere nothing. */
function note(line: string): void {
  if (!Deno.stderr.isTerminal()) return;
  Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${line}`));
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    Deno.stderr.writeSync(new TextEncoder().encode(`fatal: ${text}\n`));
    Deno.exit(cause instanceof RangeError ? 129 : 128);
  }
}
