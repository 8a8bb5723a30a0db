/**
 * Inflated objects that deltas are based on, bounded in bytes; the least
 * recently used go first.
 *
 * @module
 */

/** A least-recently-used map from object numbers to contents. */
export class BaseCache {
  readonly #limit: number;
  readonly #entries = new Map<number, Uint8Array>();
  #bytes = 0;

  /** A cache of at most so many bytes. */
  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  /** The content of an object, or `undefined`. */
  get(number: number): Uint8Array | undefined {
    const data = this.#entries.get(number);
    if (data === undefined) return undefined;
    this.#entries.delete(number);
    this.#entries.set(number, data);
    return data;
  }

  /** Keeps a content, unless it alone would take half of the cache. */
  set(number: number, data: Uint8Array): void {
    if (data.length > this.#limit / 2 || this.#entries.has(number)) return;
    this.#entries.set(number, data);
    this.#bytes += data.length;
    if (this.#bytes > this.#limit) this.trim(this.#limit);
  }

  /** Lets go of the least recently used down to so many bytes. */
  trim(bytes: number): void {
    for (const [number, data] of this.#entries) {
      if (this.#bytes <= bytes) return;
      this.#entries.delete(number);
      this.#bytes -= data.length;
    }
  }
}
