/**
 * What one thread read and the others can use: values that hold shared memory,
 * such as the tables of a pack's index. The thread that owns the sockets keeps
 * the list; the others have copies of it.
 *
 * @module
 */

/** A value with a name, as it goes from thread to thread. */
export interface SharedValue {
  /** What it is of; the same name stands for the same content. */
  readonly name: string;
  /** Bytes of shared memory that it holds. */
  readonly bytes: number;
  /** It itself. Can be cloned, which copies none of those bytes. */
  readonly value: unknown;
}

/** What threads share, the least recently offered let go of. */
export class SharedValues {
  readonly #maxBytes: number;
  readonly #values = new Map<string, SharedValue>();
  #bytes = 0;

  /** Keeps values of at most so many bytes. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** All that are kept. */
  all(): Iterable<SharedValue> {
    return this.#values.values();
  }

  /** The value under a name. */
  get(name: string): unknown {
    return this.#values.get(name)?.value;
  }

  /** Whether a value is small enough to be kept. */
  takes({ bytes }: SharedValue): boolean {
    return bytes <= this.#maxBytes;
  }

  /** Keeps a value; returns the names of those that had to go. */
  put(shared: SharedValue): string[] {
    if (!this.takes(shared)) return [];
    this.forget(shared.name);
    this.#values.set(shared.name, shared);
    this.#bytes += shared.bytes;
    const gone: string[] = [];
    for (const name of this.#values.keys()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.forget(name);
      gone.push(name);
    }
    return gone;
  }

  /** Lets go of a value. */
  forget(name: string): void {
    this.#bytes -= this.#values.get(name)?.bytes ?? 0;
    this.#values.delete(name);
  }
}
