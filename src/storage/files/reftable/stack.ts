/**
 * A stack of reftables on disk: which tables count now, each read once. A
 * table that vanishes while it is read means that the stack was compacted, and
 * the list is read again, as git does.
 *
 * @see https://git-scm.com/docs/reftable
 * @module
 */

import { toUtf8 } from "../../../core/bytes.ts";
import { StorageError } from "../../../core/errors.ts";
import type { FileStat, FileSystem, OpenFile } from "../../../core/host.ts";
import type { ObjectFormat } from "../../../core/oid.ts";
import type { Kernels } from "../../../kernels/types.ts";
import type { Complaints } from "../complaints.ts";
import { joinPath } from "../paths.ts";
import { isFresh, isSameStat, type Now, type Stamp } from "../stamp.ts";
import { badTable } from "./cursor.ts";
import {
  HEAD_BYTES,
  MAX_FOOTER_BYTES,
  readShape,
  type TableShape,
} from "./footer.ts";
import { type BlockBudget, Reftable } from "./table.ts";

/** Largest ref sections of a stack that are read: some ten million refs. */
export const MAX_REFTABLE_BYTES: number = 512 * 1024 * 1024;

const MAX_LIST_BYTES = 1024 * 1024;

// stack.c: reftable_stack_reload_maybe_reuse gives up after 3 seconds, but
// not before the third attempt.
const MIN_ATTEMPTS = 3;
const MAX_ATTEMPTS = 1000;
const PATIENCE_MS = 3000;

/** What a {@linkcode ReftableStack} is made from. */
export interface ReftableStackInit {
  /** The directory that holds `tables.list`. */
  readonly directory: string;
  /** Where to read. */
  readonly fileSystem: FileSystem;
  /** The format of the repository's ids. */
  readonly format: ObjectFormat;
  /** For checksums. */
  readonly kernels: Pick<Kernels, "crc32">;
  /** Where badly named refs are told. */
  readonly complaints: Complaints;
  /** The time. */
  readonly now: Now;
  /** How much may be kept decoded. */
  readonly budget: BlockBudget;
}

/** The tables that counted at one moment. The same object while they do. */
export interface StackTables {
  /** Changes when any table does. */
  readonly id: string;
  /** The oldest first. */
  readonly tables: readonly Reftable[];
  /** Their names, as the list has them. */
  readonly names: readonly string[];
  /** The sizes of their files. */
  readonly sizes: readonly number[];
}

interface Known {
  readonly name: string;
  readonly stat: FileStat;
  readonly table: Reftable;
}

/** The tables of one directory. */
export class ReftableStack {
  readonly #init: ReftableStackInit;
  readonly #listPath: string;
  #known: readonly Known[] = [];
  #stamp: Stamp | undefined;
  #last: StackTables | undefined;

  /** Reads nothing yet. */
  constructor(init: ReftableStackInit) {
    this.#init = init;
    this.#listPath = joinPath(init.directory, "tables.list");
  }

  /** The directory that holds `tables.list`. */
  get directory(): string {
    return this.#init.directory;
  }

  /** `tables.list` itself. */
  get listPath(): string {
    return this.#listPath;
  }

  /**
   * The tables now. Throws StorageError "bad-reftable", "file-too-large", or
   * the system's code. That there is no list is an error, where git sees a
   * repository without refs: a client that prunes would believe that too.
   */
  read(): StackTables {
    const { fileSystem, now } = this.#init;
    const began = now();
    for (let attempt = 1;; attempt++) {
      const taken = now();
      const stat = fileSystem.stat(this.#listPath);
      if (
        this.#last !== undefined && stat !== undefined &&
        isFresh(this.#stamp, stat)
      ) return this.#last;
      const names = this.#readList();
      const found = this.#open(names);
      if (typeof found !== "string") {
        this.#stamp = stat && { stat, taken };
        return this.#keep(found);
      }
      const isChanged = this.#readList().join("\n") !== names.join("\n");
      const isPatient = attempt < MIN_ATTEMPTS ||
        (attempt < MAX_ATTEMPTS && now() < began + PATIENCE_MS);
      if (!isChanged || !isPatient) {
        throw new StorageError(
          "bad-reftable",
          `${this.#listPath} names ${found}, which is missing`,
        );
      }
    }
  }

  #readList(): string[] {
    const bytes = this.#init.fileSystem.read(this.#listPath, MAX_LIST_BYTES);
    if (bytes === undefined) {
      throw new StorageError("bad-reftable", `${this.#listPath} is missing`);
    }
    const names = toUtf8(bytes).split("\n").filter((name) => name !== "");
    for (const name of names) {
      if (name.includes("/") || name.includes("\0") || name.startsWith(".")) {
        throw new StorageError(
          "bad-reftable",
          `${this.#listPath} has a line that names no table`,
        );
      }
    }
    return names;
  }

  /** The tables of those names, or the name of one that is missing. */
  #open(names: readonly string[]): Known[] | string {
    const known = new Map(this.#known.map((each) => [each.name, each]));
    const found: Known[] = [];
    let size = 0;
    for (const name of names) {
      const path = joinPath(this.#init.directory, name);
      const stat = this.#init.fileSystem.stat(path);
      if (stat === undefined) return name;
      const before = known.get(name);
      const table = before !== undefined && isSameStat(before.stat, stat)
        ? before.table
        : this.#readTable(path, MAX_REFTABLE_BYTES - size);
      if (table === undefined) return name;
      size += table.size;
      found.push({ name, stat, table });
    }
    return found;
  }

  #keep(found: readonly Known[]): StackTables {
    const kept = new Set(found.map(({ table }) => table));
    for (const { table } of this.#known) {
      if (!kept.has(table)) table.release();
    }
    const isSame = this.#last !== undefined &&
      found.length === this.#known.length &&
      found.every(({ table }, i) => table === this.#known[i]?.table);
    this.#known = found;
    if (isSame && this.#last !== undefined) return this.#last;
    const id = found.map(({ name, stat }) =>
      `${name} ${stat.dev} ${stat.ino} ${stat.size} ${stat.mtimeMs}`
    ).join("\n");
    return this.#last = {
      id,
      tables: found.map(({ table }) => table),
      names: found.map(({ name }) => name),
      sizes: found.map(({ stat }) => stat.size),
    };
  }

  #readTable(path: string, room: number): Reftable | undefined {
    const { fileSystem, format, budget, complaints } = this.#init;
    const file = fileSystem.open(path);
    if (file === undefined) return undefined;
    try {
      const shape = this.#readShape(file, path);
      if (shape.format !== format) {
        throw badTable(path, `its ids are not ${format.name}`);
      }
      if (shape.refsEnd > room) {
        throw new StorageError("file-too-large", `too many refs in ${path}`);
      }
      const bytes = readExactly(file, 0, shape.refsEnd, path);
      return new Reftable({
        path,
        shape,
        bytes,
        budget,
        badName: (ref) =>
          complaints.warn("ignoring ref with broken name", { ref }),
      });
    } finally {
      file.close();
    }
  }

  #readShape(file: OpenFile, path: string): TableShape {
    const { size } = file;
    const head = readExactly(file, 0, Math.min(size, HEAD_BYTES), path);
    const length = Math.min(size, MAX_FOOTER_BYTES);
    const tail = readExactly(file, size - length, length, path);
    const { kernels } = this.#init;
    return readShape(head, tail, size, { path, kernels });
  }
}

function readExactly(
  file: OpenFile,
  position: number,
  length: number,
  path: string,
): Uint8Array {
  const bytes = new Uint8Array(length);
  if (file.readAt(bytes, position) !== length) {
    throw badTable(path, "it ends early");
  }
  return bytes;
}
