/**
 * Writes reftables, so that their reader can be tested without a git that
 * writes them. It goes by the format's description alone, and shares nothing
 * with the reader.
 *
 * @see https://git-scm.com/docs/reftable
 * @module
 */

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";

/** One record: exactly one of the values, or none for a deletion. */
export interface TableRef {
  /** Its full name, a binary string. */
  readonly name: string;
  /** An id, in hex. */
  readonly oid?: string;
  /** What the tag at `oid` peels to, in hex. */
  readonly peeled?: string;
  /** The ref that it leads to. */
  readonly symref?: string;
}

/** How a table is written. */
export interface TableOptions {
  /** 1 unless told. */
  readonly version?: 1 | 2;
  /** What version 2 says of its hash; "sha1" unless told. */
  readonly hash?: "sha1" | "s256";
  /** 4096 unless told; 0 for blocks that are not aligned. */
  readonly blockSize?: number;
  /** A record that is spelt in full comes so often; 16 unless told. */
  readonly restartInterval?: number;
  /** The largest index block; 4096 unless told. */
  readonly indexBlockSize?: number;
  /** Whether an index is written where there are several blocks. */
  readonly index?: boolean;
  /** Whether object and log sections follow, whose blocks mean nothing. */
  readonly otherSections?: boolean;
}

/** A table's bytes, and the positions at which tests break it. */
export interface EncodedTable {
  /** The file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How many ref blocks there are. */
  readonly refBlocks: number;
  /** How many levels the index has. */
  readonly indexLevels: number;
  /** Where the refs and their index end. */
  readonly refsEnd: number;
}

interface Entry {
  readonly key: number[];
  readonly extra: number;
  readonly value: number[];
}

/** Encodes refs, which must be sorted by their names' bytes. */
export function encodeReftable(
  refs: readonly TableRef[],
  options: TableOptions = {},
): EncodedTable {
  const blockSize = options.blockSize ?? 4096;
  const header = headerOf(options, blockSize);
  const out: number[] = [...header];
  const interval = options.restartInterval ?? 16;
  const align = (): void => {
    while (blockSize > 0 && out.length % blockSize !== 0) out.push(0);
  };
  /** Writes entries as blocks of one type; gives their index entries. */
  const writeBlocks = (
    type: string,
    entries: readonly Entry[],
    limit: number,
  ): Entry[] => {
    const written: Entry[] = [];
    for (let next = 0; next < entries.length;) {
      const isFirst = out.length === header.length;
      if (!isFirst) align();
      const start = isFirst ? 0 : out.length;
      const head = isFirst ? header.length : 0;
      const from = next;
      const { body, count } = packBlock(entries, from, {
        head,
        limit,
        interval,
      });
      next += count;
      out.push(type.charCodeAt(0), ...uint(head + 4 + body.length, 3));
      for (const byte of body) out.push(byte);
      const last = entries[next - 1] as Entry;
      written.push({ key: last.key, extra: 0, value: varint(start) });
    }
    return written;
  };
  const limit = blockSize === 0 ? 4096 : blockSize;
  let index = writeBlocks("r", refs.map(entryOf), limit);
  const refBlocks = index.length;
  let indexAt = 0;
  let indexLevels = 0;
  if (options.index !== false && refBlocks > 1) {
    do {
      align();
      indexAt = out.length;
      index = writeBlocks("i", index, options.indexBlockSize ?? 4096);
      indexLevels++;
    } while (index.length > 1);
  }
  const positions = [indexAt, 0, 0, 0, 0];
  let refsEnd = out.length;
  if (options.otherSections === true) {
    align();
    refsEnd = out.length;
    positions[1] = out.length * 32 + 2;
    out.push(0x6f, 0, 0, 9, 1, 2, 3, 4, 5);
    positions[3] = out.length;
    out.push(0x67, 0, 0, 200, 9, 8, 7);
  }
  const footer = [...header, ...positions.flatMap((at) => uint(at, 8))];
  const sum = crc32(Uint8Array.from(footer));
  const bytes = Uint8Array.from([...footer, ...uint(sum, 4)]);
  const file = new Uint8Array(out.length + bytes.length);
  file.set(out);
  file.set(bytes, out.length);
  return { bytes: file, refBlocks, indexLevels, refsEnd };
}

/** Writes the tables of a stack, the oldest first, into `reftable/`. */
export function writeStack(
  gitDirectory: string,
  tables: readonly { readonly name: string; readonly bytes: Uint8Array }[],
): void {
  const directory = join(gitDirectory, "reftable");
  mkdirSync(directory, { recursive: true });
  for (const { name, bytes } of tables) {
    writeFileSync(join(directory, name), bytes);
  }
  const list = tables.map(({ name }) => `${name}\n`).join("");
  writeFileSync(join(directory, "tables.list"), list);
}

/** Makes a bare repository one whose refs are in reftables, so far in none. */
export function convertToReftable(
  repository: string,
  format: "sha1" | "sha256" = "sha1",
): void {
  rmSync(join(repository, "refs"), { recursive: true, force: true });
  rmSync(join(repository, "packed-refs"), { force: true });
  mkdirSync(join(repository, "refs"));
  writeFileSync(
    join(repository, "refs/heads"),
    "this repository uses the reftable format\n",
  );
  writeFileSync(join(repository, "HEAD"), "ref: refs/heads/.invalid\n");
  writeFileSync(
    join(repository, "config"),
    "[core]\n\trepositoryformatversion = 1\n\tbare = true\n" +
      "[extensions]\n\trefStorage = reftable\n" +
      (format === "sha256" ? "\tobjectFormat = sha256\n" : ""),
  );
  writeStack(repository, []);
}

function headerOf(options: TableOptions, blockSize: number): number[] {
  const version = options.version ?? 1;
  return [
    ...binary("REFT"),
    version,
    ...uint(blockSize, 3),
    ...uint(1, 8),
    ...uint(9, 8),
    ...(version === 2 ? binary(options.hash ?? "sha1") : []),
  ];
}

function entryOf(ref: TableRef): Entry {
  const key = binary(ref.name);
  const value = varint(3); // update_index_delta
  if (ref.symref !== undefined) {
    const target = binary(ref.symref);
    return {
      key,
      extra: 3,
      value: [...value, ...varint(target.length), ...target],
    };
  }
  if (ref.oid === undefined) return { key, extra: 0, value };
  const peeled = ref.peeled === undefined ? [] : hex(ref.peeled);
  return {
    key,
    extra: peeled.length > 0 ? 2 : 1,
    value: [...value, ...hex(ref.oid), ...peeled],
  };
}

/** As many entries as fit into a block, at least one, with its restarts. */
function packBlock(
  entries: readonly Entry[],
  from: number,
  options: {
    readonly head: number;
    readonly limit: number;
    readonly interval: number;
  },
): { body: number[]; count: number } {
  const { head, limit, interval } = options;
  const body: number[] = [];
  const restarts: number[] = [];
  let previous: readonly number[] = [];
  let count = 0;
  for (; from + count < entries.length; count++) {
    const { key, extra, value } = entries[from + count] as Entry;
    const isRestart = count % interval === 0;
    let shared = 0;
    if (!isRestart) {
      while (
        shared < previous.length && shared < key.length &&
        previous[shared] === key[shared]
      ) shared++;
    }
    const record = [
      ...varint(shared),
      ...varint((key.length - shared) * 8 + extra),
      ...key.slice(shared),
      ...value,
    ];
    const size = head + 4 + body.length + record.length +
      3 * (restarts.length + 1) + 2;
    if (size > limit && count > 0) break;
    if (isRestart) restarts.push(head + 4 + body.length);
    for (const byte of record) body.push(byte);
    previous = key;
  }
  body.push(...restarts.flatMap((at) => uint(at, 3)));
  body.push(...uint(restarts.length, 2));
  return { body, count };
}

function varint(value: number): number[] {
  const bytes = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0;) {
    rest--;
    bytes.unshift(0x80 + rest % 128);
    rest = Math.floor(rest / 128);
  }
  return bytes;
}

function uint(value: number, length: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (bytes.length < length) {
    bytes.unshift(rest % 256);
    rest = Math.floor(rest / 256);
  }
  return bytes;
}

function binary(text: string): number[] {
  return Array.from(text, (char) => char.charCodeAt(0));
}

function hex(text: string): number[] {
  return binary(text).filter((_, i) => i % 2 === 0).map((_, i) =>
    parseInt(text.slice(2 * i, 2 * i + 2), 16)
  );
}
