/**
 * Runs rows: rounds that alternate between the servers, and what they cost.
 *
 * @module
 */

import { type CheckResult, checkServer } from "./check.ts";
import { ClientProcess } from "./client_process.ts";
import { MemorySampler, settle } from "./measure.ts";
import type { Order, Result } from "./messages.ts";
import type { BenchRepository } from "./repos.ts";
import type { Row } from "./rows.ts";
import { type ServerName, startServer } from "./servers.ts";
import { median } from "./stats.ts";

/** How a bench is run. */
export interface RunOptions {
  readonly servers: readonly ServerName[];
  readonly rounds: number;
  readonly size: "full" | "quick";
  readonly protocol: 0 | 2;
  /** Whether every server's answer is proven right first. */
  readonly checks: "on" | "off";
  /** Told what is going on, a short line at a time. */
  progress(line: string): void;
}

/** One round of one row on one server. */
export interface Round {
  readonly wallMs: number;
  /** The slowest request's wall. */
  readonly slowestMs: number;
  /** Wall until the first byte of a pack; 0 without one. */
  readonly firstMs: number;
  readonly cpuMs: number;
  readonly peakBytes: number;
  readonly bytes: number;
  readonly packBytes: number;
  readonly objects: number;
  readonly refs: number;
  readonly perSecond: number;
  readonly clientCpuMs: number;
}

/** A row on one server. */
export interface Measured {
  readonly server: ServerName;
  readonly rounds: readonly Round[];
  /** Why there are no rounds, or what is wrong with the answers. */
  readonly faults: readonly string[];
}

/** A row on one repository, on all servers. */
export interface RowResult {
  readonly row: Row;
  readonly measured: readonly Measured[];
}

/** Runs the rows that apply to a repository. */
export async function runRows(
  repository: BenchRepository,
  rows: readonly Row[],
  options: RunOptions,
): Promise<RowResult[]> {
  const results: RowResult[] = [];
  const client = new ClientProcess();
  try {
    for (const row of rows) {
      if (!row.kinds.includes(repository.kind)) continue;
      if (row.question(repository) === undefined) continue;
      // The client of these speaks v2 alone.
      if (row.transport === "http" && options.protocol !== 2) continue;
      results.push(await runRow(repository, row, { ...options, client }));
    }
  } finally {
    await client.stop();
  }
  return results;
}

interface Tools extends RunOptions {
  readonly client: ClientProcess;
}

async function runRow(
  repository: BenchRepository,
  row: Row,
  tools: Tools,
): Promise<RowResult> {
  tools.progress(`${row.name}: check`);
  const faults = await check(repository, row, tools);
  const rounds = new Map<ServerName, Round[]>(
    tools.servers.map((server) => [server, []]),
  );
  for (let number = 0; number < tools.rounds; number++) {
    tools.progress(`${row.name}: round ${number + 1} of ${tools.rounds}`);
    for (const server of rotated(tools.servers, number)) {
      if ((faults.get(server) as string[]).length > 0) continue;
      try {
        const round = await runRound(repository, row, server, tools);
        (rounds.get(server) as Round[]).push(round);
      } catch (cause) {
        (faults.get(server) as string[]).push(message(cause));
      }
    }
  }
  return {
    row,
    measured: tools.servers.map((server) => ({
      server,
      rounds: rounds.get(server) as Round[],
      faults: faults.get(server) as string[],
    })),
  };
}

async function check(
  repository: BenchRepository,
  row: Row,
  tools: Tools,
): Promise<Map<ServerName, string[]>> {
  const question = row.question(repository);
  const faults = new Map<ServerName, string[]>();
  let first: CheckResult | undefined;
  for (const server of tools.servers) {
    const found: string[] = [];
    faults.set(server, found);
    if (question === undefined || tools.checks === "off") continue;
    try {
      const result = await checkServer(server, repository, question, {
        ...tools,
        transport: row.transport ?? "git",
      });
      found.push(...result.faults);
      first ??= result;
      if (result.refsSha1 !== first.refsSha1) {
        found.push(`its answer differs from that of ${first.server}`);
      }
    } catch (cause) {
      found.push(message(cause));
    }
  }
  return faults;
}

async function runRound(
  repository: BenchRepository,
  row: Row,
  server: ServerName,
  { client, protocol, size }: Tools,
): Promise<Round> {
  const question = row.question(repository);
  if (question === undefined) throw new Error("Cannot ask this repository");
  const running = await startServer(server, repository.base, {
    transport: row.transport ?? "git",
  });
  try {
    const order: Omit<Order, "id"> = {
      port: running.port,
      path: running.root + repository.path,
      transport: row.transport ?? "git",
      protocol,
      question,
      concurrency: row.concurrency,
      count: size === "quick" ? row.quickRequests : row.requests,
    };
    if (row.warmUp > 0) await client.ask({ ...order, count: row.warmUp });
    const cpuBefore = await settle(running.pid);
    const sampler = new MemorySampler(running.pid);
    let result: Result;
    let cpuAfter: number;
    let peakBytes: number;
    try {
      result = await client.ask(order);
      cpuAfter = await settle(running.pid);
    } finally {
      peakBytes = sampler.stop();
    }
    return summary(row, result, { cpuMs: cpuAfter - cpuBefore, peakBytes });
  } catch (cause) {
    const said = running.complaints();
    throw new Error(`${message(cause)}${said && `; ${server} says: ${said}`}`, {
      cause,
    });
  } finally {
    await running.stop();
  }
}

function summary(
  row: Row,
  { samples, elapsedMs, clientCpuMs }: Result,
  { cpuMs, peakBytes }: { cpuMs: number; peakBytes: number },
): Round {
  const count = samples.length;
  const divisor = row.per === "request" ? count : 1;
  const of = (pick: (sample: Result["samples"][number]) => number): number[] =>
    samples.map(pick);
  const total = (values: number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / divisor;
  const walls = of((sample) => sample.wallMs);
  return {
    wallMs: row.concurrency === 1 && row.per === "request"
      ? median(walls)
      : elapsedMs / divisor,
    slowestMs: Math.max(...walls),
    firstMs: median(of((sample) => sample.firstMs)),
    cpuMs: cpuMs / divisor,
    peakBytes,
    bytes: total(of((sample) => sample.bytes)),
    packBytes: total(of((sample) => sample.packBytes)),
    objects: median(of((sample) => sample.objects)),
    refs: median(of((sample) => sample.refs)),
    perSecond: count / (elapsedMs / 1000),
    clientCpuMs: clientCpuMs / divisor,
  };
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const at = by % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}

function message(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
