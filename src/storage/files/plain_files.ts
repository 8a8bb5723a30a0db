/**
 * The files of a repository on disk for clients that read them as they lie.
 *
 * Links are followed where they stay among the repository's own objects, and
 * nowhere else: whoever can place a link in a repository could read any file
 * of this machine through it (CVE-2022-39253).
 *
 * @module
 */

import { toHex } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import type { FileStat, OpenFile } from "../../core/host.ts";
import type { ObjectFormat } from "../../core/oid.ts";
import type { PlainFile, PlainFiles, PlainName } from "../plain_files.ts";
import { FilePackStore, type FilePackStoreInit } from "./packs.ts";
import { baseName, isInsideAny, joinPath } from "./paths.ts";

/** "PACK" and a version that git reads, 2 or 3. */
const PACK_SIGNATURE = "5041434b";
/** A pack without objects: its header and its checksum follow each other. */
const PACK_HEADER_BYTES = 12;

/** What {@linkcode FilePlainFiles} are made from. */
export interface FilePlainFilesInit
  extends Omit<FilePackStoreInit, "directories"> {
  /** The repository's own object directory. */
  readonly objectsDir: string;
  /** The format of its object names. */
  readonly format: ObjectFormat;
}

interface Opened {
  readonly file: OpenFile;
  readonly stat: FileStat;
  readonly path: string;
}

/** The files of one repository. */
export class FilePlainFiles implements PlainFiles {
  readonly #init: FilePlainFilesInit;
  readonly #packs: FilePackStore;

  /** Reads nothing yet. */
  constructor(init: FilePlainFilesInit) {
    this.#init = init;
    this.#packs = new FilePackStore({
      ...init,
      directories: () => [init.objectsDir],
    });
  }

  packs(): readonly string[] {
    return this.#packs.scan().packs.map(({ name, path = name }) =>
      `${baseName(path)}.pack`
    );
  }

  open(name: PlainName): PlainFile | undefined {
    try {
      return this.#openNamed(name);
    } catch (error) {
      // What is no file, or may not be read, is not there.
      if (!(error instanceof StorageError)) throw error;
      this.#init.complaints.warn(error.message);
      return undefined;
    }
  }

  #openNamed(name: PlainName): PlainFile | undefined {
    switch (name.type) {
      case "loose":
        return this.#openLoose(name.oid);
      case "pack":
      case "idx":
        return this.#openPacked(`pack/pack-${name.hash}`, name.type);
      case "alternates":
      case "http-alternates": {
        const opened = this.#openAt(`info/${name.type}`);
        return opened && this.#file(opened);
      }
    }
  }

  #openLoose(oid: string): PlainFile | undefined {
    const opened = this.#openAt(`${oid.slice(0, 2)}/${oid.slice(2)}`);
    if (opened === undefined) return undefined;
    const { file, stat } = opened;
    if (!isZlib(file)) {
      file.close();
      return undefined;
    }
    // The same object can be compressed in other ways: the id is no tag.
    const time = Math.round(stat.mtimeMs).toString(36);
    return this.#file(opened, `${stat.size.toString(36)}-${time}`);
  }

  /**
   * A pack or its index, where both are here and belong together: the index
   * ends with the checksum that the pack ends with, and its own. git writes
   * the index last, and other programs may still be copying.
   */
  #openPacked(base: string, type: "pack" | "idx"): PlainFile | undefined {
    const opened: Partial<Record<"pack" | "idx", Opened | undefined>> = {};
    try {
      const index = opened.idx = this.#openAt(`${base}.idx`);
      const pack = opened.pack = index && this.#openAt(`${base}.pack`);
      const tags = index && pack && checksums(index, pack, this.#init.format);
      const asked = opened[type];
      if (asked === undefined || tags === undefined) return undefined;
      delete opened[type];
      return this.#file(asked, tags[type]);
    } finally {
      opened.idx?.file.close();
      opened.pack?.file.close();
    }
  }

  /** Opens a regular file among the repository's own objects. */
  #openAt(name: string): Opened | undefined {
    const { fileSystem, objectsDir, complaints } = this.#init;
    const asked = joinPath(objectsDir, name);
    const path = fileSystem.realPath(asked);
    if (path === undefined) return undefined;
    const roots = [objectsDir, joinPath(objectsDir, "pack")]
      .map((root) => fileSystem.realPath(root))
      .filter((root) => root !== undefined);
    if (!isInsideAny(path, roots)) {
      complaints.warn("ignoring file behind a symbolic link", { path: asked });
      return undefined;
    }
    const before = fileSystem.lstat(path);
    if (before?.kind !== "file") return undefined;
    const file = fileSystem.open(path);
    if (file === undefined) return undefined;
    // What was opened is what was looked at, and what is there now.
    const stat = fileSystem.lstat(path);
    if (
      stat !== undefined && isSame(stat, before) && file.size === stat.size &&
      fileSystem.realPath(asked) === path
    ) return { file, stat, path };
    file.close();
    return undefined;
  }

  #file({ file, stat, path }: Opened, tag?: string): PlainFile {
    const { fileSystem } = this.#init;
    return {
      size: stat.size,
      mtimeMs: stat.mtimeMs,
      ...(tag === undefined ? {} : { tag }),
      readAt: (into, position) => file.readAt(into, position),
      isUnchanged() {
        const now = fileSystem.lstat(path);
        return now === undefined || now.ino !== stat.ino || isSame(now, stat);
      },
      close: () => file.close(),
    };
  }
}

function isSame(one: FileStat, other: FileStat): boolean {
  return one.kind === other.kind && one.ino === other.ino &&
    one.dev === other.dev && one.size === other.size &&
    one.mtimeMs === other.mtimeMs;
}

/** The checksums that the two end with; `undefined` for what is not a pair. */
function checksums(
  index: Opened,
  pack: Opened,
  { rawLength }: ObjectFormat,
): { readonly pack: string; readonly idx: string } | undefined {
  const least = PACK_HEADER_BYTES + rawLength;
  if (pack.stat.size < least || index.stat.size < 2 * rawLength) {
    return undefined;
  }
  const head = new Uint8Array(4);
  pack.file.readAt(head, 0);
  if (toHex(head) !== PACK_SIGNATURE) return undefined;
  const tail = new Uint8Array(rawLength);
  const ends = new Uint8Array(2 * rawLength);
  pack.file.readAt(tail, pack.stat.size - rawLength);
  index.file.readAt(ends, index.stat.size - 2 * rawLength);
  const checksum = toHex(tail);
  return checksum === toHex(ends.subarray(0, rawLength))
    ? { pack: checksum, idx: toHex(ends.subarray(rawLength)) }
    : undefined;
}

/** Whether it begins as a zlib stream: RFC 1950, 2.2. */
function isZlib(file: OpenFile): boolean {
  const head = new Uint8Array(2);
  file.readAt(head, 0);
  const [method = 0, flags = 0] = head;
  return (method & 0x8f) === 0x08 && (method << 8 | flags) % 31 === 0;
}
