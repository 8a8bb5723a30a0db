/**
 * A file system that remembers which files were looked at and how they were,
 * so that it can be told later whether the same reading would give the same.
 *
 * @module
 */

import type { FileSystem } from "../../core/host.ts";
import { isFresh, type Now, type Stamp } from "./stamp.ts";

/** Files that were read, and whether they are as they were. */
export class TrackedFiles {
  readonly #fileSystem: FileSystem;
  readonly #now: Now;
  readonly #stamps = new Map<string, Stamp | undefined>();
  /** The file system that remembers. */
  readonly view: FileSystem;

  /** Remembers nothing yet. */
  constructor(fileSystem: FileSystem, now: Now) {
    this.#fileSystem = fileSystem;
    this.#now = now;
    const note = (path: string) => this.#note(path);
    this.view = {
      stat: (path) => (note(path), fileSystem.stat(path)),
      lstat: (path) => (note(path), fileSystem.lstat(path)),
      read: (path, limit) => (note(path), fileSystem.read(path, limit)),
      open: (path) => (note(path), fileSystem.open(path)),
      list: (path) => (note(path), fileSystem.list(path)),
      readLink: (path) => fileSystem.readLink(path),
      realPath: (path) => fileSystem.realPath(path),
    };
  }

  /**
   * Whether everything that was looked at is surely as it was: in a view of
   * the same files, where one is at hand.
   */
  isUnchanged(fileSystem: FileSystem = this.#fileSystem): boolean {
    for (const [path, stamp] of this.#stamps) {
      const stat = fileSystem.stat(path);
      if (stat === undefined ? stamp !== undefined : !isFresh(stamp, stat)) {
        return false;
      }
    }
    return true;
  }

  #note(path: string): void {
    if (this.#stamps.has(path)) return;
    const taken = this.#now();
    const stat = this.#fileSystem.stat(path);
    this.#stamps.set(path, stat && { stat, taken });
  }
}
