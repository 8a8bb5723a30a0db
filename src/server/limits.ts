/**
 * The one table of limits: their defaults, their options, what they mean. The
 * option parser's help and the README's table are made from it.
 *
 * @module
 */

import type { ServiceLimits } from "../service/types.ts";

/** Everything that bounds a daemon and its sessions. */
export interface Limits extends ServiceLimits {
  /**
   * Connections to git:// and requests over HTTP served at the same time, all
   * counted as one; 0 is no limit.
   */
  readonly maxConnections: number;
  /** Connecting until the whole request is there, ms; 0 is no limit. */
  readonly initTimeoutMs: number;
  /** Waiting for the peer to send or to take bytes, ms; 0 is no limit. */
  readonly timeoutMs: number;
  /** After the first SIGTERM or SIGINT: time for sessions to end, ms. */
  readonly drainMs: number;
  /** A run of `--access-hook`, ms; then it is killed, and the client refused. */
  readonly accessHookMs: number;
  /** Threads that look into repositories; 0: one per processor, 8 at most. */
  readonly workers: number;
  /** Bytes of ref listings that are kept for the next who asks; 0 for none. */
  readonly answerCacheBytes: number;
  /** Bytes of the body of one HTTP request, as it is sent; 0 is no limit. */
  readonly maxBodyBytes: number;
  /** Bytes of pack indexes' tables that threads hand to each other. */
  readonly packTableBytes: number;
}

/** One limit. */
export interface LimitRow {
  /** Its name in {@linkcode Limits}. */
  readonly name: keyof Limits;
  /** The option that sets it, without dashes; none where it is fixed. */
  readonly option?: string;
  /** The unit of the option and of the table. */
  readonly unit: "s" | "ms" | "bytes" | "";
  /** What it is unless set, in `unit`. */
  readonly default: number;
  /** What it bounds, and what happens beyond it: one line. */
  readonly meaning: string;
}

/** Every limit, the settable ones first. */
export const LIMITS: readonly LimitRow[] = [
  {
    name: "maxConnections",
    option: "max-connections",
    unit: "",
    default: 32,
    meaning: "connections served at once, and requests over HTTP; one more " +
      "is told to try later (0: no limit)",
  },
  {
    name: "initTimeoutMs",
    option: "init-timeout",
    unit: "s",
    default: 30,
    meaning: "git:// alone: from connecting to the end of the request line " +
      "(0: no limit)",
  },
  {
    name: "timeoutMs",
    option: "timeout",
    unit: "s",
    default: 600,
    meaning: "waiting for a client to send or to take bytes (0: no limit)",
  },
  {
    name: "drainMs",
    option: "drain-timeout",
    unit: "s",
    default: 10,
    meaning: "time for running sessions and requests after SIGTERM or SIGINT",
  },
  {
    name: "maxBodyBytes",
    option: "max-body",
    unit: "bytes",
    default: 0,
    meaning: "the body of one HTTP request, above all of a push (0: no limit)",
  },
  {
    name: "workers",
    option: "workers",
    unit: "",
    default: 0,
    meaning: "threads that look into repositories " +
      "(0: one per processor, 8 at most)",
  },
  {
    name: "hookMs",
    option: "hook-timeout",
    unit: "s",
    default: 600,
    meaning: "one run of a hook of a push; then it is killed, which refuses " +
      "what it was asked about (0: no limit)",
  },
  {
    name: "accessHookMs",
    unit: "s",
    default: 30,
    meaning: "one run of `--access-hook`; then it is killed, and the client " +
      "refused",
  },
  {
    name: "maxWants",
    unit: "",
    default: 2_000_000,
    meaning: "distinct wants in one request",
  },
  {
    name: "maxHaves",
    unit: "",
    default: 2_000_000,
    meaning: "haves in one session",
  },
  {
    name: "maxRounds",
    unit: "",
    default: 10_000,
    meaning: "rounds of negotiation in one session",
  },
  {
    name: "maxShallow",
    unit: "",
    default: 200_000,
    meaning: "shallow and deepen-not lines in one request",
  },
  {
    name: "maxRequestBytes",
    unit: "bytes",
    default: 512 * 1024 * 1024,
    meaning: "bytes that one session may send",
  },
  {
    name: "sliceMs",
    unit: "ms",
    default: 10,
    meaning: "computing for one session before others have their turn",
  },
  {
    name: "keepAliveMs",
    unit: "ms",
    default: 5000,
    meaning: "silence while computing before an empty packet is sent",
  },
  {
    name: "answerCacheBytes",
    unit: "bytes",
    default: 32 * 1024 * 1024,
    meaning: "ref listings kept for the next client, shared out among the " +
      "threads, which get 16 MiB each at least",
  },
  {
    name: "packTableBytes",
    unit: "bytes",
    default: 128 * 1024 * 1024,
    meaning: "pack indexes that threads share, some 39 bytes an object; " +
      "beyond that each reads its own",
  },
];

/** The limits where nothing is set. */
export const DEFAULT_LIMITS: Limits = defaultLimits();

function defaultLimits(): Limits {
  const limits: Partial<Record<keyof Limits, number>> = {};
  for (const row of LIMITS) limits[row.name] = toInternal(row, row.default);
  return limits as Limits;
}

/** A value in a row's unit as {@linkcode Limits} holds it: seconds become ms. */
export function toInternal(row: LimitRow, value: number): number {
  return row.unit === "s" ? value * 1000 : value;
}

/** The table for the README, in Markdown, with a final newline. */
export function limitsMarkdown(): string {
  const rows = LIMITS.map((row) => {
    const option = row.option === undefined ? "" : `\`--${row.option}=<n>\``;
    const unit = row.unit === "" ? "" : ` ${row.unit}`;
    const value = `${row.default.toLocaleString("en-US")}${unit}`;
    return `| ${option} | ${value} | ${row.meaning} |`;
  });
  return [
    "| option | default | limit |",
    "| --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}
