/**
 * Pieces of packs kept in memory, shared by all packs of a repository and
 * bounded in bytes. A piece overlaps the next one, so that an entry is nearly
 * always whole in one of them.
 *
 * @module
 */

import type { RandomAccess } from "../ports.ts";

/** Distance between the starts of two windows. */
export const WINDOW_BYTES: number = 64 * 1024;
/** How far a window reaches into the next; entries up to this fit in one. */
export const WINDOW_OVERLAP: number = 16 * 1024;

/** A piece of a pack. */
export interface Window {
  /** The bytes; `length` of them count. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How many bytes were read. */
  length: number;
  /** Where in the pack it starts. */
  start: number;
  /** The cache's clock when it was used last. */
  used: number;
  /** Who has it. */
  owner: WindowSet;
}

/** The windows of one pack, by their place. */
export class WindowSet {
  readonly #cache: WindowCache;
  readonly #windows: (Window | undefined)[] = [];

  /** No windows yet. */
  constructor(cache: WindowCache) {
    this.#cache = cache;
  }

  /**
   * The window in which the bytes from `offset` on stand, at least
   * {@linkcode WINDOW_OVERLAP} of them if the pack has as many.
   */
  at(offset: number, file: RandomAccess): Window {
    const place = Math.floor(offset / WINDOW_BYTES);
    const window = this.#windows[place];
    if (window !== undefined) {
      window.used = ++this.#cache.clock;
      return window;
    }
    const fresh = this.#cache.take(this);
    this.#windows[place] = fresh;
    fresh.start = place * WINDOW_BYTES;
    try {
      const length = Math.min(fresh.bytes.length, file.size - fresh.start);
      fresh.length = file.readAt(
        fresh.bytes.subarray(0, Math.max(0, length)),
        fresh.start,
      );
    } catch (error) {
      this.#cache.drop(fresh);
      throw error;
    }
    return fresh;
  }

  /** Forgets a window. */
  forget(window: Window): void {
    this.#windows[window.start / WINDOW_BYTES] = undefined;
  }

  /** Gives all windows back. */
  clear(): void {
    for (const window of this.#windows) {
      if (window !== undefined) this.#cache.drop(window);
    }
    this.#windows.length = 0;
  }
}

/** All windows of a repository: the least recently used one makes room. */
export class WindowCache {
  /** Counts uses. */
  clock = 0;
  readonly #limit: number;
  #windows: Window[] = [];

  /** A cache of at most so many bytes, but always one window. */
  constructor(limitBytes: number) {
    this.#limit = Math.max(1, windowsIn(limitBytes));
  }

  /** A window for `owner` to fill; what it held is forgotten. */
  take(owner: WindowSet): Window {
    if (this.#windows.length < this.#limit) {
      const window = {
        bytes: new Uint8Array(WINDOW_BYTES + WINDOW_OVERLAP),
        length: 0,
        start: 0,
        used: ++this.clock,
        owner,
      };
      this.#windows.push(window);
      return window;
    }
    let oldest = this.#windows[0] as Window;
    for (const window of this.#windows) {
      if (window.used < oldest.used) oldest = window;
    }
    oldest.owner.forget(oldest);
    oldest.owner = owner;
    oldest.used = ++this.clock;
    return oldest;
  }

  /** Lets go of one window. */
  drop(window: Window): void {
    window.owner.forget(window);
    const at = this.#windows.indexOf(window);
    if (at >= 0) this.#windows.splice(at, 1);
  }

  /** Lets go of the least recently used down to so many bytes. */
  trim(bytes: number): void {
    const keep = windowsIn(bytes);
    if (this.#windows.length <= keep) return;
    this.#windows.sort((a, b) => b.used - a.used);
    for (const window of this.#windows.splice(keep)) {
      window.owner.forget(window);
    }
  }
}

function windowsIn(bytes: number): number {
  return Math.floor(bytes / (WINDOW_BYTES + WINDOW_OVERLAP));
}
