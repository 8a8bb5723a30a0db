/**
 * The kernels by themselves: each implementation of each, on made input, on the
 * runtime that runs this. On Deno it ends with the same under Bun.
 *
 * Implementations take turns; figures are medians of CPU time. A kernel that one takes over
 * from another has no figure of its own.
 *
 * @module
 */

import process from "node:process";
import { SHA1, SHA256 } from "../src/core/oid.ts";
import { NATIVE } from "../src/kernels/native/kernels.ts";
import { REFERENCE } from "../src/kernels/reference/kernels.ts";
import type { Hash, Kernels } from "../src/kernels/types.ts";
import { wasmKernels } from "../src/kernels/wasm/kernels.ts";
import { seeded } from "../tests/support/random.ts";
import { type Alignment, figure, median, table } from "./stats.ts";

const SEED = 7;
const ROUNDS = 9;
const ROUND_MS = 40;
const LOOK_MS = 5;
const SMALL_BYTES = 300;
const LARGE_BYTES = 1 << 20;
const RUN_ENTRIES = 500;

/** What is measured of one kernel. */
interface Row {
  readonly title: string;
  readonly kernel: keyof Kernels;
  /** Bytes of output or input of one piece of work. */
  readonly bytes: number;
  /** How many pieces one call of what `prepare` gives does. */
  readonly pieces: number;
  readonly unit: "ns" | "MB/s";
  readonly prepare: (kernels: Kernels) => () => void;
}

/** Text as it stands in repositories: it deflates to about a third. */
function text(length: number): Uint8Array {
  const random = seeded(SEED);
  const words = Array.from(
    { length: 400 },
    () => random.bytes(1 + random.int(9)).map((byte) => 97 + byte % 26),
  );
  const out = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const word = random.pick(words).subarray(0, length - at);
    out.set(word, at);
    at += word.length;
    if (at < length) out[at++] = random.int(9) === 0 ? 10 : 32;
  }
  return out;
}

const HEADER = new TextEncoder().encode("blob 300\0");
const LARGE = text(LARGE_BYTES);

/** Many small objects, so that none is seen again at once. */
const SMALL = Array.from(
  { length: 200 },
  (_, i) => LARGE.subarray(i * 997, i * 997 + SMALL_BYTES),
);

function inflating(objects: readonly Uint8Array[]) {
  return (kernels: Kernels): () => void => {
    const streams = objects.map((data) => NATIVE.deflate(data));
    return () => {
      streams.forEach((stream, i) =>
        kernels.inflate(stream, 0, (objects[i] as Uint8Array).length)
      );
    };
  };
}

function hashing(
  start: (kernels: Kernels) => Hash,
  objects: readonly Uint8Array[],
) {
  return (kernels: Kernels): () => void => () => {
    for (const data of objects) {
      const hash = start(kernels);
      hash.update(HEADER);
      hash.update(data);
      hash.digest();
    }
  };
}

interface Run {
  readonly lengths: Uint32Array;
  readonly crcs: Uint32Array;
  readonly bytes: number;
}

/** Entries as packs have them: most are small, 600 bytes on average. */
function run(): Run {
  const random = seeded(SEED + 1);
  const lengths = Uint32Array.from(
    { length: RUN_ENTRIES },
    () => 20 + Math.floor(-Math.log(1 - random.next()) * 580),
  );
  let end = 0;
  const crcs = lengths.map((length) =>
    NATIVE.crc32(LARGE.subarray(end, end += length))
  );
  return { lengths, crcs, bytes: end };
}

const RUN = run();

function oneByOne(kernels: Kernels): () => void {
  return () => {
    let end = 0;
    for (let i = 0; i < RUN_ENTRIES; i++) {
      const start = end;
      end += RUN.lengths[i] as number;
      if (kernels.crc32(LARGE.subarray(start, end)) !== RUN.crcs[i]) {
        throw new Error("Cannot measure: a checksum is wrong");
      }
    }
  };
}

function together(kernels: Kernels): () => void {
  return () => {
    const good = kernels.countGoodCrcs(LARGE, 0, RUN.lengths, RUN.crcs);
    if (good !== RUN_ENTRIES) throw new Error("Cannot measure: " + good);
  };
}

const DELTA_BASE = LARGE.subarray(0, 40_000);

/** Copies of 2000 bytes with 20 new ones between them. */
function delta(): { readonly bytes: Uint8Array; readonly result: number } {
  const out: number[] = [];
  let result = 0;
  for (let from = 0; from + 2000 <= DELTA_BASE.length; from += 2000) {
    out.push(0xb3, from & 255, from >> 8, 2000 & 255, 2000 >> 8);
    out.push(20, ...LARGE.subarray(from, from + 20));
    result += 2020;
  }
  const size = (value: number): number[] => [
    (value & 127) | 128,
    ((value >> 7) & 127) | 128,
    value >> 14,
  ];
  const head = [...size(DELTA_BASE.length), ...size(result)];
  return { bytes: Uint8Array.from([...head, ...out]), result };
}

const DELTA = delta();

function small(
  title: string,
  kernel: Row["kernel"],
  prepare: Row["prepare"],
): Row {
  const pieces = SMALL.length;
  return { title, kernel, bytes: SMALL_BYTES, pieces, unit: "ns", prepare };
}

function large(
  title: string,
  kernel: Row["kernel"],
  prepare: Row["prepare"],
  bytes = LARGE_BYTES,
): Row {
  return { title, kernel, bytes, pieces: 1, unit: "MB/s", prepare };
}

const HASHES = [
  ["SHA-1", "hash", (kernels: Kernels) => kernels.hash(SHA1)],
  ["SHA-1, detecting", "objectHash", (k: Kernels) => k.objectHash(SHA1)],
  ["SHA-256", "hash", (kernels: Kernels) => kernels.hash(SHA256)],
] as const;

const TEXT_BYTES = 4 * 1024;

const ROWS: readonly Row[] = [
  small("inflate, 300 B", "inflate", inflating(SMALL)),
  large(
    "inflate, 4 KiB",
    "inflate",
    inflating([LARGE.subarray(0, TEXT_BYTES)]),
    TEXT_BYTES,
  ),
  ...HASHES.flatMap(([title, kernel, start]) => [
    small(`${title}, 300 B`, kernel, hashing(start, SMALL)),
    large(`${title}, 1 MiB`, kernel, hashing(start, [LARGE])),
  ]),
  {
    title: "CRC-32, an entry at a time",
    kernel: "crc32",
    bytes: RUN.bytes / RUN_ENTRIES,
    pieces: RUN_ENTRIES,
    unit: "ns",
    prepare: oneByOne,
  },
  {
    title: "CRC-32, entries side by side",
    kernel: "countGoodCrcs",
    bytes: RUN.bytes / RUN_ENTRIES,
    pieces: RUN_ENTRIES,
    unit: "ns",
    prepare: together,
  },
  large("delta, apply", "applyDelta", (kernels) => () => {
    kernels.applyDelta(DELTA_BASE, DELTA.bytes, DELTA.result);
  }, DELTA.result),
];

const IMPLEMENTATIONS: readonly Kernels[] = [
  REFERENCE,
  NATIVE,
  wasmKernels(NATIVE),
];

/** Whether the kernel is not another implementation's. */
function isOwn(index: number, kernel: Row["kernel"]): boolean {
  const own = IMPLEMENTATIONS[index]?.[kernel];
  return IMPLEMENTATIONS.slice(0, index).every((other) =>
    other[kernel] !== own
  );
}

/** Nanoseconds of CPU per piece of work, in one round. */
function measure(work: () => void, pieces: number): number {
  const start = cpuMs();
  let calls = 0;
  let spent = 0;
  while (spent < ROUND_MS) {
    // The clock of the CPU costs more to read than a small object to hash.
    for (const look = performance.now() + LOOK_MS; performance.now() < look;) {
      work();
      calls++;
    }
    spent = cpuMs() - start;
  }
  return spent * 1e6 / (calls * pieces);
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e3;
}

function cellsOf(row: Row): string[] {
  const works = IMPLEMENTATIONS.map((kernels, index) =>
    isOwn(index, row.kernel) ? row.prepare(kernels) : undefined
  );
  const rounds = works.map((): number[] => []);
  for (let round = 0; round <= ROUNDS; round++) {
    works.forEach((work, index) => {
      if (work === undefined) return;
      const ns = measure(work, row.pieces);
      // The first round only warms up.
      if (round > 0) rounds[index]?.push(ns);
    });
  }
  return rounds.map((values) => {
    if (values.length === 0) return "-";
    const ns = median(values);
    return figure(row.unit === "ns" ? ns : row.bytes * 1e3 / ns);
  });
}

const { deno, bun } = process.versions;
const runtime = bun === undefined ? `deno ${deno}` : `bun ${bun}`;
const alignment: readonly Alignment[] = [
  "left",
  "left",
  "right",
  "right",
  "right",
];
process.stdout.write(
  table(
    [runtime, "unit", ...IMPLEMENTATIONS.map(({ label }) => label)],
    ROWS.map((row) => [row.title, row.unit, ...cellsOf(row)]),
    alignment,
  ) + "\n\n",
);

if (bun === undefined) {
  const { bunPath } = await import("./servers.ts");
  const self = new URL(import.meta.url).pathname;
  const { code } = await new Deno.Command(bunPath(), {
    args: [self],
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  process.exit(code);
}
