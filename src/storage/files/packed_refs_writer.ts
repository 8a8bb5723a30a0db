/**
 * `packed-refs` written anew, byte for byte as git writes it, under its lock:
 * first beside it, then put in its place by one rename.
 *
 * @see https://git-scm.com/docs/git-pack-refs
 * @module
 */

import { fromBinary, toBinary } from "../../core/bytes.ts";
import type { ObjectFormat, Oid } from "../../core/oid.ts";
import { type WritableFile, writeAll } from "../../core/write_files.ts";
import type { LockJournal } from "./lock_journal.ts";
import type { PackedFile } from "./packed_view.ts";

const NEWLINE = 0x0a;
const CARET = 0x5e;
const HASH = 0x23;
const PREFIX = "# pack-refs with:";
/** packed-backend.c: PACKED_REFS_HEADER. */
const HEADER = `${PREFIX} peeled fully-peeled sorted \n`;

/** So many bytes are written at a time. */
const PIECE_BYTES = 1 << 18;

/** What an id comes to through tags; `undefined` where it is no tag. */
export type Peel = (oid: Oid) => Oid | undefined;

/** What is to be in the file: new values by name, `undefined` to take away. */
export type PackedChanges = ReadonlyMap<string, Oid | undefined>;

/** New content that waits to take its place. */
export interface PackedRewrite {
  /** Resolves when it is on the disk. */
  sync(): Promise<void>;
  /** Puts it in its place. */
  commit(): void;
  /** Drops it, unless it is in its place. Idempotent, never throws. */
  release(): void;
}

/**
 * Writes what `old` comes to with `changes`, for `path`, whose lock the caller
 * holds. Throws the system's StorageError, and what `peel` throws.
 */
export function rewritePackedRefs(
  path: string,
  old: PackedFile,
  changes: PackedChanges,
  terms: {
    readonly format: ObjectFormat;
    readonly journal: LockJournal;
    readonly peel?: Peel | undefined;
  },
): PackedRewrite {
  const { journal } = terms;
  // Not as packed-refs.new, which would be in git's way after a crash.
  const record = journal.record("content", 0o666);
  try {
    writeParts(record.file, mergedParts(old, changes, terms));
  } catch (error) {
    record.forget();
    throw error;
  }
  return {
    sync: () => record.file.sync(),
    commit() {
      record.file.close();
      journal.files.rename(record.path, path);
      record.forget();
    },
    release: () => record.forget(),
  };
}

function writeParts(
  file: WritableFile,
  parts: Iterable<Uint8Array | string>,
): void {
  let position = 0;
  let text = "";
  const put = (bytes: Uint8Array) => {
    writeAll(file, bytes, position);
    position += bytes.length;
  };
  const flush = () => {
    if (text !== "") put(fromBinary(text));
    text = "";
  };
  for (const part of parts) {
    if (typeof part === "string") {
      text += part;
      if (text.length >= PIECE_BYTES) flush();
    } else {
      flush();
      put(part);
    }
  }
  flush();
}

/** The new file's bytes, in parts; text is a binary string. */
export function* mergedParts(
  old: PackedFile,
  changes: PackedChanges,
  terms: { readonly format: ObjectFormat; readonly peel?: Peel | undefined },
): Generator<Uint8Array | string> {
  const { peel } = terms;
  const line = (name: string, oid: Oid) => {
    const peeled = peel?.(oid);
    return `${oid} ${name}\n` + (peeled === undefined ? "" : `^${peeled}\n`);
  };
  const names = [...changes.keys()].sort();
  if (!old.refs.hasRuns) {
    yield* mergedLines(old, names, changes, line, terms);
    return;
  }
  yield HEADER;
  const { refs } = old;
  let at = 0;
  for (const name of names) {
    const place = refs.lowerBound(name);
    for (const { bytes } of refs.runs(at, place)) yield bytes;
    at = refs.get(name) === undefined ? place : place + 1;
    const oid = changes.get(name);
    if (oid !== undefined) yield line(name, oid);
  }
  for (const { bytes } of refs.runs(at, refs.size)) yield bytes;
}

/** As {@linkcode mergedParts}, for files that git did not write so. */
function* mergedLines(
  { bytes }: PackedFile,
  names: readonly string[],
  changes: PackedChanges,
  line: (name: string, oid: Oid) => string,
  { format, peel }: {
    readonly format: ObjectFormat;
    readonly peel?: Peel | undefined;
  },
): Generator<string> {
  const traits = headerTraits(bytes);
  const isFull = bytes.length === 0 || traits.includes("fully-peeled");
  const isTagged = isFull || traits.includes("peeled");
  // What is not known to be peeled can be, or the header must not say so.
  yield isFull || peel !== undefined
    ? HEADER
    : `${PREFIX}${isTagged ? " peeled" : ""} sorted \n`;
  const found = recordsOf(bytes, format.hexLength);
  const entries: { readonly name: string; readonly text: string }[] = [];
  for (const { name, oid, peeled } of found) {
    if (changes.has(name)) continue;
    const isKnown = peeled !== undefined || isFull ||
      (isTagged && name.startsWith("refs/tags/"));
    const text = isKnown
      ? `${oid} ${name}\n` + (peeled === undefined ? "" : `^${peeled}\n`)
      : line(name, oid);
    entries.push({ name, text });
  }
  for (const name of names) {
    const oid = changes.get(name);
    if (oid !== undefined) entries.push({ name, text: line(name, oid) });
  }
  // Stable: of records that have one name the first stays the first.
  entries.sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  for (const { text } of entries) yield text;
}

function headerTraits(bytes: Uint8Array): readonly string[] {
  if (bytes[0] !== HASH) return [];
  return toBinary(bytes, PREFIX.length, bytes.indexOf(NEWLINE)).split(" ");
}

/** The records of a file that was checked when it was read. */
function* recordsOf(
  bytes: Uint8Array,
  hexLength: number,
): Generator<{ name: string; oid: Oid; peeled?: Oid }> {
  let at = bytes[0] === HASH ? bytes.indexOf(NEWLINE) + 1 : 0;
  while (at < bytes.length) {
    const end = bytes.indexOf(NEWLINE, at);
    const oid = hexAt(bytes, at, hexLength);
    const name = toBinary(bytes, at + hexLength + 1, end);
    at = end + 1;
    if (bytes[at] !== CARET) {
      yield { name, oid };
      continue;
    }
    yield { name, oid, peeled: hexAt(bytes, at + 1, hexLength) };
    at += hexLength + 2;
  }
}

function hexAt(bytes: Uint8Array, at: number, length: number): Oid {
  return toBinary(bytes, at, at + length).toLowerCase() as Oid;
}
