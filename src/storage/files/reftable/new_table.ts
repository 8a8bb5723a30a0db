/**
 * A table on its way into a stack: written under a name that nobody reads,
 * then given its own.
 *
 * @module
 */

import { type WritableFile, writeAll } from "../../../core/write_files.ts";
import { type RecordedFile, removeFile } from "../lock_journal.ts";
import { joinPath } from "../paths.ts";
import type { StackWriting } from "./list_lock.ts";
import { TableWriter } from "./table_writer.ts";

const BUFFER_BYTES = 256 * 1024;

/** Which update indexes a table holds. */
export interface UpdateRange {
  /** The least of a ref. */
  readonly min: number;
  /** The largest. */
  readonly max: number;
}

/** A table that nothing lists yet. */
export class NewTable {
  readonly #record: RecordedFile;
  readonly #path: string;
  readonly #writing: StackWriting;
  #isPlaced = false;
  /** The name that it is to have. */
  readonly name: string;

  private constructor(
    record: RecordedFile,
    writing: StackWriting,
    init: { directory: string; name: string },
  ) {
    this.#record = record;
    this.#writing = writing;
    this.name = init.name;
    this.#path = joinPath(init.directory, init.name);
  }

  /**
   * Writes what `fill` gives; `undefined` where that is nothing. Whatever
   * fails leaves no file.
   */
  static async write(
    directory: string,
    range: UpdateRange,
    writing: StackWriting,
    fill: (writer: TableWriter) => void,
  ): Promise<NewTable | undefined> {
    // Where those who come after a dead process remove it.
    const record = writing.journal.record("content", 0o666);
    let isKept = false;
    try {
      const output = new BufferedOutput(record.file);
      const writer = new TableWriter({
        ...writing.options,
        format: writing.format,
        kernels: writing.kernels,
        minUpdateIndex: range.min,
        maxUpdateIndex: range.max,
        sink: (bytes) => output.write(bytes),
      });
      fill(writer);
      if (writer.isEmpty) return undefined;
      writer.finish();
      output.flush();
      if (writing.sync.content) await record.file.sync();
      record.file.close();
      isKept = true;
      const name = nameOf(range, writing.random ?? Math.random);
      return new NewTable(record, writing, { directory, name });
    } finally {
      if (!isKept) record.forget();
    }
  }

  /** Puts it among the tables under its name; still nothing lists it. */
  place(): void {
    this.#writing.journal.files.rename(this.#record.path, this.#path);
    this.#isPlaced = true;
    this.#record.forget();
  }

  /** Removes it; never throws. */
  discard(): void {
    if (!this.#isPlaced) this.#record.forget();
    else removeFile(this.#writing.journal.files, this.#path);
  }
}

/** stack.c: format_name. */
function nameOf({ min, max }: UpdateRange, random: () => number): string {
  const hex = (value: number, digits: number): string =>
    value.toString(16).padStart(digits, "0");
  const salt = Math.floor(random() * 2 ** 32);
  return `0x${hex(min, 12)}-0x${hex(max, 12)}-${hex(salt, 8)}.ref`;
}

/** Gathers blocks, which are small, into larger writes. */
class BufferedOutput {
  readonly #file: WritableFile;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #filled = 0;
  #position = 0;

  constructor(file: WritableFile) {
    this.#file = file;
  }

  write(bytes: Uint8Array): void {
    if (this.#filled + bytes.length > BUFFER_BYTES) this.flush();
    if (bytes.length > BUFFER_BYTES) {
      writeAll(this.#file, bytes, this.#position);
      this.#position += bytes.length;
      return;
    }
    this.#buffer.set(bytes, this.#filled);
    this.#filled += bytes.length;
  }

  flush(): void {
    const bytes = this.#buffer.subarray(0, this.#filled);
    writeAll(this.#file, bytes, this.#position);
    this.#position += bytes.length;
    this.#filled = 0;
  }
}
