/**
 * Shows what a quarantine holds to everybody: each file gets a second name in
 * the repository, loose objects first and a pack's index last of its parts,
 * and never in the place of what is there, unless that is broken.
 *
 * What could be seen is not taken back when something fails later: somebody
 * else may have found it, and dropped a copy of his own.
 *
 * @module
 */

import { equalBytes } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import type { OpenFile } from "../../core/host.ts";
import { OBJECT_HEADER_MAX, parseObjectHeader } from "../../object/raw.ts";
import { KernelError } from "../../kernels/types.ts";
import {
  allSettled,
  ensureDirectory,
  type ObjectWriting,
  turn,
  withdrawPart,
} from "./object_writing.ts";
import { baseName, joinPath, parentPath } from "./paths.ts";
import { quietly } from "./quietly.ts";
import { shareFile } from "./shared_modes.ts";
import { hasCode } from "./system_words.ts";
import { randomHex } from "./temporary.ts";

const FAN_OUT = /^[0-9a-f]{2}$/;
const LOOSE = /^(?:[0-9a-f]{38}|[0-9a-f]{62})$/;
const PACK_PART =
  /^pack-(?:[0-9a-f]{40}|[0-9a-f]{64})(\.keep|\.pack|\.rev|\.idx)$/;
// tmp-objdir.c: pack_copy_priority.
const PACK_ORDER = [".keep", ".pack", ".rev", ".idx"];

/** Systems that cannot link here; object-file.c: finalize_object_file. */
const NO_LINKS = [
  "EXDEV",
  "EPERM",
  "ENOTSUP",
  "EOPNOTSUPP",
  "ENOSYS",
  "EMLINK",
];

const COMPARED_BYTES = 256 * 1024;
const COMPARED_PER_TURN = 8 * 1024 * 1024;
/** Names that a pack is tried to be given. */
const MAX_CLAIMS = 16;
/** Loose objects up to so many bytes are looked into where one is there. */
const MAX_COMPARED_LOOSE = 64 * 1024 * 1024;

/**
 * Publishes what is in the quarantine at `path`: `expected`, relative paths
 * that must all be there, and whatever else hooks have added. `onKeep` hears
 * of each `.keep` file that is new, whatever happens afterwards.
 */
export async function publish(
  writing: ObjectWriting,
  path: string,
  expected: readonly string[],
  onKeep: (path: string) => void,
): Promise<void> {
  const found = contentsOf(writing, path);
  const missing = expected.find((name) => !found.has(name));
  if (missing !== undefined) {
    throw new StorageError(
      "ENOENT",
      `Cannot publish ${joinPath(path, missing)}: it is gone`,
    );
  }
  const publication = new Publication(
    writing,
    (name) => joinPath(path, name),
    onKeep,
    path,
  );
  for (const name of found) {
    if (!name.startsWith("pack/")) await publication.addLoose(name);
  }
  await publication.addPacks(packParts(found));
  await publication.sync();
}

/**
 * Publishes loose objects that lie elsewhere: names as they are to be, relative
 * to the object directory, and where each is now.
 */
export async function publishLoose(
  writing: ObjectWriting,
  objects: ReadonlyMap<string, string>,
): Promise<void> {
  const publication = new Publication(
    writing,
    (name) => objects.get(name) as string,
    () => {},
  );
  for (const name of objects.keys()) await publication.addLoose(name);
  await publication.sync();
}

/**
 * Gives the published pack of a `.keep` another name, while nobody may remove
 * it: when refs did not come to name its objects. It is likely to be brought
 * again, and must not come under a name that those know who repack by then.
 */
export function renamePack(
  files: ObjectWriting["files"],
  keep: string,
  format: ObjectWriting["format"],
): void {
  const name = `pack-${randomHex(format.hexLength)}`;
  const other = joinPath(parentPath(keep), name);
  const parts = PACK_ORDER.filter((end) =>
    end !== ".keep" && files.lstat(baseOf(keep) + end) !== undefined
  );
  if (!parts.includes(".idx")) return;
  for (const end of parts) files.link(baseOf(keep) + end, other + end);
  for (const end of parts.reverse()) files.unlink(baseOf(keep) + end);
}

/** The relative paths of all that can be published. */
function contentsOf({ files }: ObjectWriting, path: string): Set<string> {
  const found = new Set<string>();
  const top = [...files.list(path)?.names ?? []].sort();
  for (const directory of top) {
    const shape = directory === "pack"
      ? PACK_PART
      : FAN_OUT.test(directory)
      ? LOOSE
      : undefined;
    if (shape === undefined) continue;
    const names = files.list(joinPath(path, directory))?.names ?? [];
    for (const name of [...names].sort()) {
      if (shape.test(name)) found.add(`${directory}/${name}`);
    }
  }
  return found;
}

/** Those that belong to packs, in the order in which they are shown. */
function packParts(found: ReadonlySet<string>): string[] {
  const parts = [...found].filter((name) => name.startsWith("pack/"));
  return PACK_ORDER.flatMap((end) =>
    parts.filter((name) => name.endsWith(end))
  );
}

/** A pack's part without its end. */
function baseOf(part: string): string {
  return part.slice(0, part.lastIndexOf("."));
}

/** One publication under way. */
class Publication {
  readonly #writing: ObjectWriting;
  readonly #pathOf: (name: string) => string;
  readonly #quarantine: string;
  readonly #onKeep: (path: string) => void;
  /** Directories in which names were added. */
  readonly #changed = new Set<string>();
  /** Parts of packs that were not there before. */
  readonly #added: string[] = [];

  constructor(
    writing: ObjectWriting,
    pathOf: (name: string) => string,
    onKeep: (path: string) => void,
    quarantine = "",
  ) {
    this.#writing = writing;
    this.#pathOf = pathOf;
    this.#quarantine = quarantine;
    this.#onKeep = onKeep;
  }

  async addLoose(name: string): Promise<void> {
    const place = () =>
      this.#place(name, (from, to) => this.#isLooseWhole(from, to));
    try {
      await place();
    } catch (error) {
      // Most of the directories are there.
      if (!hasCode(error, "ENOENT")) throw error;
      const { objectsDir } = this.#writing;
      this.#ensure(joinPath(objectsDir, name.slice(0, 2)));
      await place();
    }
  }

  /** Adds parts in their order; those of a pack that fails are taken back. */
  async addPacks(parts: readonly string[]): Promise<void> {
    if (parts.length === 0) return;
    this.#ensure(joinPath(this.#writing.objectsDir, "pack"));
    try {
      const names = new Set(parts);
      for (const part of parts) {
        if (part.endsWith(".keep")) await this.#claim(baseOf(part), names);
      }
      const others = packParts(names).filter((name) => !name.endsWith(".keep"));
      for (const name of others) await this.#placePart(name);
      for (const name of others) await this.#placeAgain(name);
    } catch (error) {
      this.#takeBack();
      throw error;
    }
  }

  /**
   * Gives the `.keep` of a pack its place, and the pack another name in the
   * quarantine, and in `names`, before that where the same pack is here, or
   * being brought. Whoever began to repack before the `.keep` came, and before
   * refs named its objects, may have seen that one, and removes in the end
   * whatever has its name.
   */
  async #claim(base: string, names: Set<string>): Promise<void> {
    const { files, objectsDir, format, shared } = this.#writing;
    let own = base;
    for (let attempt = 0; attempt < MAX_CLAIMS; attempt++) {
      const from = this.#pathOf(`${own}.keep`);
      const to = joinPath(objectsDir, `${own}.keep`);
      if (!await this.#isHere(own) && this.#addName(from, to)) {
        this.#added.push(to);
        // Nor may it have come and lost its own `.keep` meanwhile.
        if (!await this.#isHere(own)) {
          this.#changed.add(parentPath(to));
          this.#onKeep(to);
          return shareFile(files, to, shared);
        }
        if (files.lstat(from) === undefined) files.rename(to, from);
        else files.unlink(to);
        this.#added.pop();
      }
      const other = `pack/pack-${randomHex(format.hexLength)}`;
      for (const end of PACK_ORDER) {
        if (!names.delete(own + end)) continue;
        const path = this.#pathOf(own + end);
        files.rename(path, this.#pathOf(other + end));
        names.add(other + end);
      }
      own = other;
    }
    throw new StorageError("EEXIST", `Cannot find a name for ${base}`);
  }

  /** Whether a pack of the quarantine is in the repository, and whole. */
  async #isHere(base: string): Promise<boolean> {
    const { files, objectsDir } = this.#writing;
    const pairs = [".idx", ".pack"].map((end) =>
      [this.#pathOf(base + end), joinPath(objectsDir, base + end)] as const
    );
    for (const [from, to] of pairs) {
      const isThere = files.lstat(to) !== undefined;
      // Whoever removes a pack begins with its index.
      if (!isThere && to.endsWith(".idx")) continue;
      if (!isThere || !await isSameFile(files, from, to)) return false;
    }
    return true;
  }

  #placePart(name: string): Promise<void> {
    return this.#place(name, (from, to) => this.#isPartWhole(from, to));
  }

  /**
   * Another push of the same pack that failed may have withdrawn its part
   * while ours was dropped.
   */
  async #placeAgain(name: string): Promise<void> {
    const { files, objectsDir } = this.#writing;
    if (files.lstat(joinPath(objectsDir, name)) !== undefined) return;
    await this.#placePart(name);
  }

  /** Resolves when all new names are on the disk, where that is asked. */
  async sync(): Promise<void> {
    const { files, fsync } = this.#writing;
    if (!fsync.rest) return;
    await allSettled(
      [...this.#changed].map((path) => files.syncDirectory(path)),
    );
  }

  #ensure(directory: string): void {
    if (ensureDirectory(this.#writing, directory)) {
      this.#changed.add(this.#writing.objectsDir);
    }
  }

  /**
   * Gives the file `name` its place. Where there is something, `isWhole` says
   * whether that can stay; if so, it is made to look new, so that nobody
   * prunes it meanwhile.
   */
  async #place(
    name: string,
    isWhole: (from: string, to: string) => boolean | Promise<boolean>,
  ): Promise<void> {
    const { files, objectsDir, shared } = this.#writing;
    const from = this.#pathOf(name);
    const to = joinPath(objectsDir, name);
    this.#changed.add(parentPath(to));
    if (this.#addName(from, to)) {
      if (name.startsWith("pack/")) this.#added.push(to);
    } else if (await isWhole(from, to) && this.#refresh(to)) {
      return;
    } else {
      files.rename(from, to);
    }
    shareFile(files, to, shared);
  }

  /** Names a file that is not there; false where one is. */
  #addName(from: string, to: string): boolean {
    const { files, naming } = this.#writing;
    try {
      if (naming === "link") {
        files.link(from, to);
        return true;
      }
    } catch (error) {
      if (hasCode(error, "EEXIST")) return false;
      if (!hasCode(error, ...NO_LINKS)) throw error;
    }
    if (files.lstat(to) !== undefined) return false;
    files.rename(from, to);
    return true;
  }

  /** False for the files of others, whose place a copy can take. */
  #refresh(path: string): boolean {
    try {
      this.#writing.files.touch(path);
      return true;
    } catch (error) {
      if (hasCode(error, "EPERM", "EACCES")) return false;
      throw error;
    }
  }

  /**
   * Takes away the parts of packs whose index was not reached: nobody could
   * see those.
   */
  #takeBack(): void {
    for (const path of this.#added.reverse()) {
      withdrawPart(this.#writing.files, path, this.#quarantine);
    }
  }

  /** Whether a loose object that is there has what ours has. */
  #isLooseWhole(from: string, to: string): boolean {
    const { files, kernels } = this.#writing;
    const ours = files.read(from, Infinity);
    if (ours === undefined) throw gone(from);
    if (ours.length > MAX_COMPARED_LOOSE) return true;
    const theirs = quietly(() => files.read(to, MAX_COMPARED_LOOSE));
    if (theirs === undefined) return false;
    const head = kernels.inflatePrefix(ours, 0, OBJECT_HEADER_MAX);
    const header = parseObjectHeader(head);
    if (header === undefined) return true;
    const size = header.length + header.size;
    try {
      const a = kernels.inflate(ours, 0, size).data;
      return equalBytes(a, kernels.inflate(theirs, 0, size).data);
    } catch (error) {
      if (error instanceof KernelError) return false;
      throw error;
    }
  }

  /**
   * Whether the part of a pack that is there has what ours has. An index that
   * has not gives way, and a pack without an index does: its name tells what
   * they should be. A pack in use that is another one is in the way.
   */
  async #isPartWhole(from: string, to: string): Promise<boolean> {
    const { files } = this.#writing;
    if (await isSameFile(files, from, to)) return true;
    if (!to.endsWith(".pack")) return false;
    const index = to.replace(/\.pack$/, ".idx");
    if (files.lstat(index) === undefined) return false;
    throw new StorageError(
      "pack-differs",
      `Cannot publish ${baseName(to)}: the repository has one of that name ` +
        "that differs in contents",
    );
  }
}

function gone(path: string): StorageError {
  return new StorageError("ENOENT", `Cannot publish ${path}: it is gone`);
}

async function isSameFile(
  files: ObjectWriting["files"],
  a: string,
  b: string,
): Promise<boolean> {
  const open: OpenFile[] = [];
  try {
    for (const path of [a, b]) {
      const file = files.open(path);
      if (file === undefined) return false;
      open.push(file);
    }
    const [one, other] = open as [OpenFile, OpenFile];
    if (one.size !== other.size) return false;
    return await haveSameBytes(one, other);
  } finally {
    for (const file of open) file.close();
  }
}

async function haveSameBytes(one: OpenFile, other: OpenFile): Promise<boolean> {
  const left = new Uint8Array(Math.min(one.size, COMPARED_BYTES));
  const right = new Uint8Array(left.length);
  for (let at = 0; at < one.size; at += left.length) {
    if (at % COMPARED_PER_TURN === 0 && at > 0) await turn();
    const count = one.readAt(left, at);
    if (other.readAt(right, at) !== count) return false;
    const part = right.subarray(0, count);
    if (!equalBytes(left.subarray(0, count), part)) return false;
  }
  return true;
}
