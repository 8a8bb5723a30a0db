/**
 * Tar archives as archive-tar.c writes them: ustar headers, pax headers where
 * those do not suffice.
 *
 * @see https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html
 * @module
 */

import { fromBinary } from "../core/bytes.ts";
import { RefusedError } from "../core/errors.ts";
import type { Oid } from "../core/oid.ts";
import {
  MODE_FILE,
  MODE_GITLINK,
  MODE_SYMLINK,
  MODE_TREE,
  MODE_TYPE,
} from "../object/tree.ts";
import type { ArchiveEntry, ArchiveHead, ArchiveWriter } from "./entry.ts";

/** What a {@linkcode TarWriter} is made for. */
export interface TarHead extends ArchiveHead {
  /** The bits that modes are to lack: `tar.umask`. */
  readonly umask: number;
}

/** `tar.umask` where nothing is configured. */
export const TAR_UMASK = 0o002;

/** Bytes of a header, and what contents are padded to. */
const RECORD_BYTES = 512;
/** Bytes that the whole is padded to. */
const BLOCK_BYTES = 20 * RECORD_BYTES;
/** What eleven octal digits hold: sizes and times above are in pax headers. */
const USTAR_MAX = 0o77777777777;

/** Offsets and lengths in a header, tar.h: ustar_header. */
const NAME = 100;
const PREFIX = 155;
const FIELD = {
  name: 0,
  mode: 100,
  uid: 108,
  gid: 116,
  size: 124,
  mtime: 136,
  chksum: 148,
  type: 156,
  linkname: 157,
  magic: 257,
  version: 263,
  uname: 265,
  gname: 297,
  devmajor: 329,
  devminor: 337,
  prefix: 345,
} as const;

const ZEROS = new Uint8Array(BLOCK_BYTES + 2 * RECORD_BYTES);

/** Writes a tar archive. */
export class TarWriter implements ArchiveWriter {
  readonly #head: TarHead;
  /** The time in headers. */
  #time: number;
  /** Bytes so far, whole blocks left out. */
  #inBlock = 0;

  /** A writer of one archive. */
  constructor(head: TarHead) {
    this.#head = head;
    this.#time = Math.min(head.time, USTAR_MAX);
  }

  *start(): Generator<Uint8Array, void, void> {
    const { commit, time } = this.#head;
    let text = "";
    if (commit !== undefined) text += paxLine("comment", commit);
    if (time > USTAR_MAX) text += paxLine("mtime", decimal(time));
    if (text !== "") yield* this.#pax("g", "pax_global_header", text);
  }

  *add(entry: ArchiveEntry): Generator<Uint8Array, void, void> {
    const { oid, data } = entry;
    const type = entry.mode & MODE_TYPE;
    const header = new Uint8Array(RECORD_BYTES);
    let pax = this.#putPath(header, entry);
    let typeFlag = "0";
    let size = 0;
    if (type === MODE_FILE) {
      size = data.length;
      if (size > USTAR_MAX) pax += paxLine("size", decimal(size));
    } else if (type === MODE_SYMLINK) {
      typeFlag = "2";
      if (data.length > NAME) {
        put(header, FIELD.linkname, `see ${oid}.paxheader`);
        pax += paxLine("linkpath", data);
      } else {
        header.set(data, FIELD.linkname);
      }
    } else {
      typeFlag = "5";
    }
    const mode = this.#modeOf(entry.mode, oid);
    this.#seal(header, typeFlag, mode, size > USTAR_MAX ? 0 : size);
    if (pax !== "") yield* this.#pax("x", `${oid}.paxheader`, pax);
    yield* this.#record(header);
    if (size > 0) yield* this.#record(data);
  }

  *finish(): Generator<Uint8Array, void, void> {
    const tail = BLOCK_BYTES - this.#inBlock;
    const length = tail < 2 * RECORD_BYTES ? tail + BLOCK_BYTES : tail;
    yield ZEROS.subarray(0, length);
  }

  /** Puts the path where it fits; returns the pax lines that it takes. */
  #putPath(header: Uint8Array, { path, oid }: ArchiveEntry): string {
    if (path.length <= NAME) {
      put(header, FIELD.name, path);
      return "";
    }
    const at = prefixLength(path);
    const rest = path.length - at - 1;
    if (at > 0 && rest <= NAME) {
      put(header, FIELD.prefix, path.slice(0, at));
      put(header, FIELD.name, path.slice(at + 1));
      return "";
    }
    put(header, FIELD.name, `${oid}.data`);
    return paxLine("path", path);
  }

  #modeOf(mode: number, oid: Oid): number {
    const keep = ~this.#head.umask;
    switch (mode & MODE_TYPE) {
      case MODE_TREE:
      case MODE_GITLINK:
        return (mode | 0o777) & keep;
      case MODE_SYMLINK:
        return mode | 0o777;
      case MODE_FILE:
        return (mode | ((mode & 0o100) !== 0 ? 0o777 : 0o666)) & keep;
      default:
        throw new RefusedError(
          "bad-mode",
          `unsupported file mode: 0${mode.toString(8)} (SHA1: ${oid})`,
        );
    }
  }

  *#pax(
    typeFlag: "g" | "x",
    name: string,
    text: string,
  ): Generator<Uint8Array, void, void> {
    const header = new Uint8Array(RECORD_BYTES);
    put(header, FIELD.name, name);
    this.#seal(header, typeFlag, 0o666, text.length);
    yield* this.#record(header);
    yield* this.#record(fromBinary(text));
  }

  #seal(
    header: Uint8Array,
    typeFlag: string,
    mode: number,
    size: number,
  ): void {
    put(header, FIELD.type, typeFlag);
    put(header, FIELD.mode, octal(mode & 0o7777, 7));
    put(header, FIELD.size, octal(size, 11));
    put(header, FIELD.mtime, octal(this.#time, 11));
    for (const at of [FIELD.uid, FIELD.gid, FIELD.devmajor, FIELD.devminor]) {
      put(header, at, "0000000");
    }
    put(header, FIELD.uname, "root");
    put(header, FIELD.gname, "root");
    put(header, FIELD.magic, "ustar\0");
    put(header, FIELD.version, "00");
    let sum = 8 * 0x20;
    for (let i = 0; i < RECORD_BYTES; i++) sum += header[i] as number;
    put(header, FIELD.chksum, octal(sum, 7));
  }

  *#record(bytes: Uint8Array): Generator<Uint8Array, void, void> {
    yield bytes;
    const over = bytes.length % RECORD_BYTES;
    const padding = over === 0 ? 0 : RECORD_BYTES - over;
    if (padding > 0) yield ZEROS.subarray(0, padding);
    this.#inBlock = (this.#inBlock + bytes.length + padding) % BLOCK_BYTES;
  }
}

/** archive-tar.c: get_path_prefix, where a path is cut in two. */
function prefixLength(path: string): number {
  let at = path.length;
  if (at > 1 && path[at - 1] === "/") at--;
  if (at > PREFIX) at = PREFIX;
  do at--; while (at > 0 && path[at] !== "/");
  return at;
}

/** "<length> <key>=<value>\n", its length with its own digits. */
function paxLine(key: string, value: string | Uint8Array): string {
  const text = typeof value === "string" ? value : binary(value);
  let length = 4 + key.length + text.length;
  for (let power = 1; Math.floor(length / 10) >= power; power *= 10) length++;
  return `${length} ${key}=${text}\n`;
}

function binary(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return text;
}

/** A number in C's words; beyond 2^64 - 1 no number goes there. */
function decimal(value: number): string {
  return value >= 2 ** 64 ? "18446744073709551615" : BigInt(value).toString();
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

function put(into: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) into[at + i] = text.charCodeAt(i);
}
