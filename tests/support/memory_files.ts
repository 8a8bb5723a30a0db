/**
 * A directory as it was on disk, kept in memory, of which single files can be
 * replaced: thousands of damaged repositories, and not one write. Not a whole
 * file system: there are no links.
 *
 * @module
 */

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { StorageError } from "../../src/core/errors.ts";
import type {
  DirectoryList,
  FileStat,
  FileSystem,
  OpenFile,
} from "../../src/core/host.ts";

/** Everything rested long before any test reads it. */
const MTIME_MS = 1_500_000_000_000;

type Node = Uint8Array<ArrayBuffer> | readonly string[];

/** The files below a directory. */
export class MemoryFiles implements FileSystem {
  readonly #nodes: ReadonlyMap<string, Node>;
  readonly #inodes: ReadonlyMap<string, number>;
  readonly #replaced: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

  private constructor(
    nodes: ReadonlyMap<string, Node>,
    inodes: ReadonlyMap<string, number>,
    replaced: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
  ) {
    this.#nodes = nodes;
    this.#inodes = inodes;
    this.#replaced = replaced;
  }

  /** Reads all that is at `roots`, absolute paths of directories. */
  static of(...roots: readonly string[]): MemoryFiles {
    const nodes = new Map<string, Node>();
    const pending = [...roots];
    for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
      if (statSync(path).isDirectory()) {
        const names = readdirSync(path);
        nodes.set(path, names);
        pending.push(...names.map((name) => join(path as string, name)));
      } else {
        nodes.set(path, new Uint8Array(readFileSync(path)));
      }
    }
    const inodes = new Map([...nodes.keys()].map((path, i) => [path, i + 1]));
    return new MemoryFiles(nodes, inodes, new Map());
  }

  /** The same files, but that one, which must be there, has other bytes. */
  with(path: string, bytes: Uint8Array<ArrayBuffer>): MemoryFiles {
    if (this.#bytes(path) === undefined) throw new Error(`No file ${path}`);
    return new MemoryFiles(
      this.#nodes,
      this.#inodes,
      new Map([...this.#replaced, [path, bytes]]),
    );
  }

  stat(path: string): FileStat | undefined {
    const node = this.#node(path);
    if (node === undefined) return undefined;
    return {
      kind: node instanceof Uint8Array ? "file" : "directory",
      size: node.length,
      mtimeMs: MTIME_MS,
      ctimeMs: MTIME_MS,
      ino: this.#inodes.get(path) as number,
      dev: 1,
      uid: 0,
    };
  }

  lstat(path: string): FileStat | undefined {
    return this.stat(path);
  }

  realPath(path: string): string | undefined {
    // As the system does: "." and ".." are resolved.
    const real = join(path).replace(/(.)\/$/, "$1");
    return this.#node(real) === undefined ? undefined : real;
  }

  readLink(): string | undefined {
    return undefined;
  }

  list(path: string): DirectoryList | undefined {
    const node = this.#node(path);
    return node === undefined || node instanceof Uint8Array
      ? undefined
      : { names: node, unreadable: 0 };
  }

  read(path: string, limit: number): Uint8Array<ArrayBuffer> | undefined {
    const node = this.#node(path);
    if (node === undefined) return undefined;
    if (!(node instanceof Uint8Array)) {
      throw new StorageError("not-a-file", `Cannot read ${path}`);
    }
    if (node.length > limit) {
      throw new StorageError("file-too-large", `Cannot read ${path}`);
    }
    return node.slice();
  }

  open(path: string): OpenFile | undefined {
    const bytes = this.#bytes(path);
    return bytes && {
      size: bytes.length,
      readAt(into: Uint8Array, position: number): number {
        const part = bytes.subarray(position, position + into.length);
        into.set(part);
        return part.length;
      },
      close() {},
    };
  }

  #bytes(path: string): Uint8Array<ArrayBuffer> | undefined {
    const node = this.#node(path);
    return node instanceof Uint8Array ? node : undefined;
  }

  #node(path: string): Node | undefined {
    return this.#replaced.get(path) ?? this.#nodes.get(path);
  }
}
