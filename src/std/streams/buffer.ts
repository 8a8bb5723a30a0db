/**
 * A growable byte buffer with a stream at either end.
 *
 * @module
 */

const MIN_CAPACITY = 64;

/**
 * Bytes in at the end through `writable`, out at the front through `readable`.
 * The readable ends when the buffer is empty, and takes what is written before
 * it was read to that end. Not safe to read by two readers.
 */
export class Buffer {
  #bytes: Uint8Array<ArrayBuffer>;
  #start = 0;
  #end = 0;
  readonly #readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #writable: WritableStream<Uint8Array>;

  /** A buffer that begins with the bytes of `initial`, which it takes. */
  constructor(initial?: ArrayBuffer) {
    this.#bytes = new Uint8Array(initial ?? new ArrayBuffer(0));
    this.#end = this.#bytes.length;
    this.#readable = new ReadableStream({
      pull: (controller) => {
        if (this.empty()) controller.close();
        else controller.enqueue(this.#take());
      },
    }, { highWaterMark: 0 });
    this.#writable = new WritableStream({
      write: (chunk) => this.#append(chunk),
    });
  }

  /** Takes the unread bytes out, all there are at each read. */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable;
  }

  /** Appends; grows the buffer as needed. */
  get writable(): WritableStream<Uint8Array> {
    return this.#writable;
  }

  /** The unread bytes: a view, good until the next change, or a copy. */
  bytes(options: { copy?: boolean } = {}): Uint8Array<ArrayBuffer> {
    const view = this.#bytes.subarray(this.#start, this.#end);
    return options.copy === false ? view : view.slice();
  }

  /** Whether nothing is unread. */
  empty(): boolean {
    return this.#start === this.#end;
  }

  /** The number of unread bytes. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** The bytes it can hold without growing. */
  get capacity(): number {
    return this.#bytes.length;
  }

  /**
   * Drops all but the first `length` unread bytes.
   *
   * @throws {RangeError} If there are fewer.
   */
  truncate(length: number): void {
    if (!Number.isInteger(length) || length < 0 || length > this.length) {
      throw new RangeError(
        `Cannot truncate to ${length} bytes: ${this.length} are unread`,
      );
    }
    this.#end = this.#start + length;
  }

  /** Drops all unread bytes; keeps the room. */
  reset(): void {
    this.#start = 0;
    this.#end = 0;
  }

  /**
   * Makes room for `length` more bytes.
   *
   * @throws {RangeError} If `length` is negative or no integer.
   */
  grow(length: number): void {
    if (!Number.isInteger(length) || length < 0) {
      throw new RangeError(`Cannot grow by ${length} bytes`);
    }
    if (this.#end + length <= this.#bytes.length) return;
    const unread = this.length;
    const needed = unread + length;
    // At least twice what is held, so that n appends copy O(n) bytes.
    const target = needed <= this.#bytes.length / 2
      ? this.#bytes
      : new Uint8Array(Math.max(needed, 2 * unread, MIN_CAPACITY));
    target.set(this.#bytes.subarray(this.#start, this.#end));
    this.#bytes = target;
    this.#start = 0;
    this.#end = unread;
  }

  #append(chunk: Uint8Array): void {
    this.grow(chunk.length);
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  #take(): Uint8Array<ArrayBuffer> {
    const bytes = this.bytes();
    this.reset();
    return bytes;
  }
}
