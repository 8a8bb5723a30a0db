/**
 * A few loose objects that have arrived and that nobody is to see yet: each is
 * a file that has no name but its record's in the lock journal, so that who
 * comes after a process that died finds and removes it. Half a dozen calls of
 * the disk less than a quarantine's directories take.
 *
 * @module
 */

import type { Oid } from "../../core/oid.ts";
import { writeAll } from "../../core/write_files.ts";
import type { ObjectData } from "../types.ts";
import type { HeldLoose } from "../ports.ts";
import type { LockJournal, RecordedFile } from "./lock_journal.ts";
import { compressed } from "./loose_writer.ts";
import {
  allSettled,
  closeAll,
  ensureDirectory,
  type ObjectWriting,
} from "./object_writing.ts";
import { joinPath } from "./paths.ts";

/** Larger streams are read from their files again. */
const MAX_STREAM_BYTES = 64 * 1024;

interface Held {
  readonly record: RecordedFile;
  readonly stream: Uint8Array | undefined;
}

/**
 * Whether what is in the journal can be given a name among the objects: not
 * where these are on another file system.
 */
export function canHold(
  { files, objectsDir }: Pick<ObjectWriting, "files" | "objectsDir">,
  commonDir: string,
): boolean {
  const dev = files.stat(objectsDir)?.dev;
  return dev !== undefined && dev === files.stat(commonDir)?.dev;
}

/** Loose objects without a place. */
export class HeldObjects implements HeldLoose {
  readonly #writing: ObjectWriting;
  readonly #journal: LockJournal;
  readonly #held = new Map<Oid, Held>();

  /** None yet. */
  constructor(writing: ObjectWriting, journal: LockJournal) {
    this.#writing = writing;
    this.#journal = journal;
  }

  /** Writes objects down, each once, as far to the disk as is asked. */
  async add(
    objects: Iterable<readonly [Oid, () => ObjectData]>,
  ): Promise<void> {
    const { fsync } = this.#writing;
    const records: RecordedFile[] = [];
    try {
      for (const [oid, read] of objects) {
        if (this.#held.has(oid)) continue;
        const stream = compressed(this.#writing, read());
        const record = this.#journal.record("content", 0o444);
        records.push(record);
        this.#held.set(oid, {
          record,
          stream: stream.length > MAX_STREAM_BYTES ? undefined : stream,
        });
        writeAll(record.file, stream, 0);
      }
      if (fsync.looseObject) {
        await allSettled(records.map(({ file }) => file.sync()));
      }
    } finally {
      closeAll(records.map(({ file }) => file));
    }
  }

  has(oid: Oid): boolean {
    return this.#held.has(oid);
  }

  get(oid: Oid): Uint8Array | undefined {
    const held = this.#held.get(oid);
    if (held === undefined) return undefined;
    return held.stream ??
      this.#writing.files.read(held.record.path, 2 ** 31 - 1);
  }

  /** Where each of them is, by the name that it is to have. */
  paths(): ReadonlyMap<string, string> {
    return new Map(Array.from(this.#held, ([oid, { record }]) => [
      `${oid.slice(0, 2)}/${oid.slice(2)}`,
      record.path,
    ]));
  }

  /** Moves all of them into the quarantine at `directory`; gives their names. */
  moveTo(directory: string): readonly string[] {
    const { files } = this.#writing;
    const paths = this.paths();
    for (const [name, path] of paths) {
      ensureDirectory(this.#writing, joinPath(directory, name.slice(0, 2)));
      files.rename(path, joinPath(directory, name));
    }
    this.forget();
    return [...paths.keys()];
  }

  /** Lets go of all of them: those that have a place keep it. */
  forget(): void {
    for (const { record } of this.#held.values()) record.forget();
    this.#held.clear();
  }
}
