/**
 * Turns measurements into tables and verdicts. Pure text.
 *
 * @module
 */

import type { Target } from "./rows.ts";
import type { Measured, Round, RowResult } from "./run.ts";
import type { ServerName } from "./servers.ts";
import {
  type Alignment,
  figure,
  grouped,
  median,
  ratio,
  ratioText,
  table,
} from "./stats.ts";

/** Every row of one repository. */
export interface RepositoryResult {
  readonly kind: string;
  readonly title: string;
  readonly rows: readonly RowResult[];
}

/** The figure of a round that each metric of a target means. */
const METRICS: Readonly<Record<Target["metric"], (round: Round) => number>> = {
  wall: (round) => round.wallMs,
  cpu: (round) => round.cpuMs,
  memory: (round) => round.peakBytes,
  bytes: (round) => round.bytes,
  rate: (round) => round.perSecond,
};

const BASELINE: ServerName = "git";

interface Column {
  readonly title: string;
  readonly align: Alignment;
  cell(
    result: RowResult,
    measured: Measured,
    base: Measured | undefined,
  ): string;
}

const COLUMNS: readonly Column[] = [
  {
    title: "row",
    align: "left",
    cell: ({ row, measured }, own) => (measured[0] === own ? row.title : ""),
  },
  { title: "server", align: "left", cell: (_row, own) => own.server },
  { title: "wall ms", align: "right", cell: (_row, own) => mid(own, "wall") },
  { title: "min-max", align: "right", cell: (_row, own) => spread(own) },
  { title: "per s", align: "right", cell: (_row, own) => mid(own, "rate") },
  { title: "CPU ms", align: "right", cell: (_row, own) => cpu(own) },
  {
    title: "peak MB",
    align: "right",
    cell: (_row, own) => figure(middle(own, METRICS.memory) / 1e6),
  },
  {
    title: "bytes",
    align: "right",
    cell: (_row, own) => grouped(middle(own, METRICS.bytes)),
  },
  {
    title: "client CPU",
    align: "right",
    cell: (_row, own) => figure(middle(own, (round) => round.clientCpuMs)),
  },
  ...(["wall", "cpu", "memory", "bytes"] as const).map((metric): Column => ({
    title: `x ${metric}`,
    align: "right",
    cell: (_row, own, base) => ratioText(against(own, base, metric)),
  })),
];

/** The table of one repository, with its faults under it. */
export function repositoryTable({ title, rows }: RepositoryResult): string {
  const cells: string[][] = [];
  const faults: string[] = [];
  for (const result of rows) {
    const base = baseline(result);
    for (const own of result.measured) {
      for (const fault of own.faults) {
        faults.push(`FAULT ${result.row.name} on ${own.server}: ${fault}`);
      }
      if (own.rounds.length === 0) continue;
      cells.push(COLUMNS.map((column) => column.cell(result, own, base)));
    }
  }
  const text = table(
    COLUMNS.map((column) => column.title),
    cells,
    COLUMNS.map((column) => column.align),
  );
  return [title, text, ...faults].join("\n");
}

/** One line per target and server: what was promised, what came out. */
export function verdicts(results: readonly RepositoryResult[]): string[] {
  const lines: string[] = [];
  for (const { kind, rows } of results) {
    for (const result of rows) {
      const targets = result.row.targets.filter((target) =>
        target.kinds.some((one) => one === kind)
      );
      for (const own of result.measured) {
        if (own.server === BASELINE) continue;
        for (const target of targets) {
          lines.push(verdict(result, own, target, { kind, rows }));
        }
      }
    }
  }
  return lines;
}

function verdict(
  result: RowResult,
  own: Measured,
  target: Target,
  { kind, rows }: Pick<RepositoryResult, "kind" | "rows">,
): string {
  const helper = kind.split("+")[1];
  const { versus } = target;
  const title = result.row.title + (helper ? ` with ${helper}` : "");
  const promise = `${title}, ${own.server}: ${target.metric} ` +
    `${target.bound} ${target.value}x of ${
      versus === undefined ? "git's" : `its own ${versus}`
    }`;
  const base = versus === undefined ? baseline(result) : rows
    .find(({ row }) => row.name === versus)
    ?.measured.find(({ server }) => server === own.server);
  const value = against(own, base, target.metric);
  if (value === undefined) return `unknown  ${promise}: no figures`;
  const met = target.bound === "at most"
    ? value <= target.value
    : value >= target.value;
  return `${met ? "met    " : "missed "}  ${promise}: ${value.toFixed(3)}x`;
}

function baseline({ measured }: RowResult): Measured | undefined {
  return measured.find((one) => one.server === BASELINE);
}

function middle(own: Measured, pick: (round: Round) => number): number {
  return median(own.rounds.map(pick));
}

function mid(own: Measured, metric: Target["metric"]): string {
  return figure(middle(own, METRICS[metric]));
}

/** One clock tick is 10 ms: what took less in a single request shows as 0. */
function cpu(own: Measured): string {
  return middle(own, METRICS.cpu) === 0 ? "<10" : mid(own, "cpu");
}

function spread(own: Measured): string {
  const walls = own.rounds.map(METRICS.wall);
  return `${figure(Math.min(...walls))}-${figure(Math.max(...walls))}`;
}

function against(
  own: Measured,
  base: Measured | undefined,
  metric: Target["metric"],
): number | undefined {
  if (own.rounds.length === 0) return undefined;
  if (base === undefined || base.rounds.length === 0) return undefined;
  return ratio(middle(own, METRICS[metric]), middle(base, METRICS[metric]));
}
