/**
 * The `shallow` file: the commits whose parents a repository lacks.
 *
 * @see https://git-scm.com/docs/shallow
 * @module
 */

import { printable, toBinary } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import type { FileSystem } from "../../core/host.ts";
import { type ObjectFormat, type Oid, parseOid } from "../../core/oid.ts";
import { isFresh, type Now, type Stamp } from "./stamp.ts";

const MAX_SHALLOW_BYTES = 64 * 1024 * 1024;
const NONE: readonly Oid[] = [];

/** Reads one `shallow` file again whenever it changes. */
export class ShallowFile {
  readonly #fileSystem: FileSystem;
  readonly #path: string;
  readonly #format: ObjectFormat;
  readonly #now: Now;
  #stamp: Stamp | undefined;
  #oids: readonly Oid[] = NONE;

  /** Reads nothing yet. */
  constructor(init: {
    readonly fileSystem: FileSystem;
    readonly path: string;
    readonly format: ObjectFormat;
    readonly now: Now;
  }) {
    this.#fileSystem = init.fileSystem;
    this.#path = init.path;
    this.#format = init.format;
    this.#now = init.now;
  }

  /**
   * The commits, in the file's order. Throws StorageError "bad-shallow" with
   * git's words (shallow.c: is_repository_shallow).
   */
  read(): readonly Oid[] {
    const taken = this.#now();
    const stat = this.#fileSystem.stat(this.#path);
    if (stat === undefined) {
      this.#stamp = undefined;
      return this.#oids = NONE;
    }
    if (isFresh(this.#stamp, stat)) return this.#oids;
    const bytes = this.#fileSystem.read(this.#path, MAX_SHALLOW_BYTES);
    const oids = parseShallow(bytes ?? new Uint8Array(0), this.#format);
    this.#stamp = { stat, taken };
    return this.#oids = oids;
  }
}

/** The commits that a `shallow` file lists. */
export function parseShallow(
  bytes: Uint8Array,
  format: ObjectFormat,
): readonly Oid[] {
  const oids: Oid[] = [];
  for (let at = 0; at < bytes.length;) {
    const newline = bytes.indexOf(0x0a, at);
    const end = newline < 0 ? bytes.length : newline;
    const text = toBinary(bytes, at, Math.min(end, at + format.hexLength));
    const oid = parseOid(text, format);
    if (oid === undefined) {
      throw new StorageError(
        "bad-shallow",
        `bad shallow line: ${printable(toBinary(bytes, at, end))}`,
      );
    }
    oids.push(oid);
    at = end + 1;
  }
  return oids;
}
