/**
 * Bitmap files: a small writer of them, and repositories in which the real git
 * wrote them in each of the ways it has.
 *
 * @module
 */

import { createHash } from "node:crypto";
import {
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { concatBytes, writeUint32 } from "../../src/core/bytes.ts";
import type { ObjectFormat } from "../../src/core/oid.ts";
import { temporaryDirectory } from "./fixture_directory.ts";
import { importStream } from "./fixture.ts";
import { FastImport, FIRST_DATE } from "./fixture_history.ts";
import { gitSync } from "./git.ts";
import { lines } from "./git_repository.ts";

/** A 64-bit word from the numbers of its set bits' halves. */
interface Word {
  low: number;
  high: number;
}

/** Writes the numbers as an EWAH bitmap, the way git does: runs first. */
export function encodeEwah(numbers: Iterable<number>): Uint8Array {
  const words: Word[] = [];
  let highest = -1;
  for (const number of numbers) {
    highest = Math.max(highest, number);
    const index = Math.floor(number / 64);
    while (words.length <= index) words.push({ low: 0, high: 0 });
    const word = words[index] as Word;
    const bit = number % 64;
    if (bit < 32) word.low = (word.low | (1 << bit)) >>> 0;
    else word.high = (word.high | (1 << (bit - 32))) >>> 0;
  }
  const out: number[] = [];
  let at = 0;
  let marker = 0;
  do {
    marker = out.length / 2;
    const bit = isFull(words[at]) ? 1 : 0;
    let run = 0;
    while (at < words.length && isRun(words[at], bit)) at++, run++;
    const start = at;
    while (at < words.length && !isEqual(words[at])) at++;
    const literals = at - start;
    out.push(literals * 2 + Math.floor(run / 2 ** 31));
    out.push(((run * 2) % 2 ** 32 + bit) >>> 0);
    for (const { low, high } of words.slice(start, at)) out.push(high, low);
  } while (at < words.length);
  return numbersOf([highest + 1, out.length / 2, ...out, marker]);
}

function isFull(word: Word | undefined): boolean {
  return word?.low === 0xffffffff && word.high === 0xffffffff;
}

function isEqual(word: Word | undefined): boolean {
  return isFull(word) || (word?.low === 0 && word.high === 0);
}

function isRun(word: Word | undefined, bit: number): boolean {
  return isEqual(word) && isFull(word) === (bit === 1);
}

/** Numbers of 32 bits in the order of the network. */
export function numbersOf(values: readonly number[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 * values.length);
  values.forEach((value, i) => writeUint32(bytes, 4 * i, value));
  return bytes;
}

/** One commit of a bitmap to write. */
export interface MadeBitmapEntry {
  /** Its position in the index. */
  readonly position: number;
  /** The compressed bitmap. */
  readonly ewah: Uint8Array;
  /** How many entries before is the one it is stored against. */
  readonly xor?: number;
}

/** A bitmap to write. */
export interface MadeBitmap {
  /** The format of ids. */
  readonly format: ObjectFormat;
  /** The checksum of its pack. */
  readonly packChecksum: Uint8Array;
  /** Commits, trees, blobs, tags, compressed. */
  readonly types: readonly Uint8Array[];
  /** Its commits. */
  readonly entries: readonly MadeBitmapEntry[];
  /** Name hashes, one for each object. */
  readonly hashes?: readonly number[];
  /** Pseudo-merges, as bytes with the sizes at their end. */
  readonly pseudoMerges?: Uint8Array;
  /** Rows of the lookup table are written; here those they are against. */
  readonly xorRows?: readonly number[];
}

/** Writes a bitmap index. */
export function encodeBitmapIndex(made: MadeBitmap): Uint8Array {
  const flags = 1 | (made.hashes ? 4 : 0) | (made.xorRows ? 0x10 : 0) |
    (made.pseudoMerges ? 0x20 : 0);
  const parts: Uint8Array[] = [
    numbersOf([0x4249544d, 0x10000 + flags, made.entries.length]),
    made.packChecksum,
    ...made.types,
  ];
  const table: number[] = [];
  let at = parts.reduce((sum, part) => sum + part.length, 0);
  made.entries.forEach(({ position, ewah, xor = 0 }, i) => {
    parts.push(numbersOf([position]), Uint8Array.of(xor, 0), ewah);
    table.push(position, 0, at, made.xorRows?.[i] ?? 0);
    at += 6 + ewah.length;
  });
  if (made.pseudoMerges) parts.push(made.pseudoMerges);
  if (made.xorRows) parts.push(numbersOf(table));
  if (made.hashes) parts.push(numbersOf(made.hashes));
  return sealed(parts, made.format);
}

/** `parts` and their checksum. */
export function sealed(
  parts: readonly Uint8Array[],
  format: ObjectFormat,
): Uint8Array<ArrayBuffer> {
  const body = concatBytes(parts);
  const hash = createHash(format.name).update(body).digest();
  return concatBytes([body, hash]);
}

/** Gives changed bytes the checksum that fits them. */
export function resealed(
  bytes: Uint8Array,
  format: ObjectFormat,
): Uint8Array<ArrayBuffer> {
  return sealed([bytes.subarray(0, -format.rawLength)], format);
}

/** How a repository's bitmap is written. */
export type BitmapKind = keyof typeof WRITE;

const REPACK = ["repack", "-q", "-A", "-d", "--write-bitmap-index"];
const MULTI = ["multi-pack-index", "write", "--bitmap", "--no-progress"];

const WRITE = {
  "one pack": (path: string) => void gitSync(REPACK, { cwd: path }),
  "a lookup table": (path: string) =>
    void gitSync(
      ["-c", "pack.writeBitmapLookupTable=true", ...REPACK],
      { cwd: path },
    ),
  "no name hashes": (path: string) =>
    void gitSync(
      ["-c", "pack.writeBitmapHashCache=false", ...REPACK],
      { cwd: path },
    ),
  "a reverse index": (path: string) =>
    void gitSync(
      ["-c", "pack.writeReverseIndex=true", ...REPACK],
      { cwd: path },
    ),
  "several packs": (path: string) => {
    splitPacks(path);
    gitSync(MULTI, { cwd: path });
  },
  "several packs, a lookup table": (path: string) => {
    splitPacks(path);
    gitSync(["-c", "pack.writeBitmapLookupTable=true", ...MULTI], {
      cwd: path,
    });
  },
  "several packs, the last one preferred": (path: string) => {
    splitPacks(path);
    const last = packNames(path).sort().at(-1) ?? "";
    gitSync([...MULTI, `--preferred-pack=${last}`], { cwd: path });
  },
} as const;

/** All kinds. */
export const BITMAP_KINDS = Object.keys(WRITE) as BitmapKind[];

/** Writes the repository's bitmap. */
export function writeBitmap(path: string, kind: BitmapKind): void {
  WRITE[kind](path);
}

/** The names of its packs, "pack-....pack". */
export function packNames(path: string): string[] {
  return readdirSync(join(path, "objects/pack"))
    .filter((name) => name.endsWith(".pack"));
}

/** The path of the one file among the packs that ends in `ending`. */
export function packFile(path: string, ending: string): string {
  const directory = join(path, "objects/pack");
  const [name, ...others] = readdirSync(directory)
    .filter((each) => each.endsWith(ending));
  if (name === undefined || others.length > 0) {
    throw new Error(`${path} has not one ${ending}`);
  }
  return join(directory, name);
}

/** Replaces a file, read-only or not, by another: no inode comes twice. */
export function replaceFile(path: string, bytes: Uint8Array): void {
  writeFileSync(`${path}.new`, bytes);
  renameSync(`${path}.new`, path);
}

/** Packs all that is there into three packs, two of which share objects. */
function splitPacks(path: string): void {
  gitSync(["repack", "-q", "-A", "-d", "--no-write-bitmap-index"], {
    cwd: path,
  });
  const all = lines(gitSync([
    "cat-file",
    "--batch-check=%(objectname)",
    "--batch-all-objects",
  ], { cwd: path }));
  const third = Math.ceil(all.length / 3);
  const parts = [
    all.slice(0, third),
    all.slice(Math.max(0, third - 10), 2 * third),
    all.slice(Math.max(0, 2 * third - 10)),
  ];
  const whole = packNames(path);
  for (const part of parts) {
    gitSync(["pack-objects", "-q", "objects/pack/pack"], {
      cwd: path,
      input: `${part.join("\n")}\n`,
    });
  }
  for (const name of whole) {
    for (const ending of [".pack", ".idx"]) {
      rmSync(join(path, "objects/pack", name.replace(/\.pack$/, ending)), {
        force: true,
      });
    }
  }
}

/** A repository of five commits with a bitmap of a kilobyte or so. */
export function tinyRepository(kind: BitmapKind): string {
  const path = join(temporaryDirectory("tiny"), "tiny.git");
  gitSync(["init", "-q", "--bare", path]);
  const stream = new FastImport();
  const tips = new Map<string, number>();
  for (const [i, ref] of ["main", "dev", "main", "dev", "main"].entries()) {
    const parent = tips.get(ref);
    const { mark } = stream.commit({
      ref: `refs/heads/${ref}`,
      parents: parent === undefined ? [] : [parent],
      date: FIRST_DATE + i,
      changes: [stream.file(`d/${i % 3}`, `${i}\n`)],
    });
    tips.set(ref, mark);
  }
  importStream(path, stream, "packed");
  writeBitmap(path, kind);
  return path;
}

/** Everything that some revisions reach, as git lists it without bitmaps. */
export function reachedBy(
  path: string,
  revisions: readonly string[],
): Set<string> {
  const text = gitSync(
    ["rev-list", "--objects", "--no-object-names", "--stdin"],
    { cwd: path, input: `${revisions.join("\n")}\n` },
  );
  return new Set(lines(text));
}

/** The ids of a pack's index in their order, and their places by offset. */
export function indexedObjects(
  indexPath: string,
  format: ObjectFormat,
): { readonly oid: string; readonly offset: number }[] {
  const text = gitSync(["show-index", `--object-format=${format.name}`], {
    input: readFileSync(indexPath),
  });
  return lines(text).map((line) => {
    const [offset, oid = ""] = line.split(" ");
    return { oid, offset: Number(offset) };
  });
}
