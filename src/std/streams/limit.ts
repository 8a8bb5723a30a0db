/**
 * A cap on the bytes that pass.
 *
 * @module
 */

/** What {@linkcode LimitedBytesTransformStream} does at its limit. */
export interface LimitedBytesTransformStreamOptions {
  /** Fail with a `RangeError` instead of ending quietly. */
  readonly error?: boolean;
}

/**
 * Passes chunks on while their sum is at most `size` bytes. The chunk that
 * would exceed it is dropped whole and ends the stream, or fails it.
 */
export class LimitedBytesTransformStream
  extends TransformStream<Uint8Array, Uint8Array> {
  /** A limit of `size` bytes. */
  constructor(size: number, options: LimitedBytesTransformStreamOptions = {}) {
    let total = 0;
    super({
      transform(chunk, controller) {
        total += chunk.byteLength;
        if (total <= size) controller.enqueue(chunk);
        else if (options.error !== true) controller.terminate();
        else {
          throw new RangeError(
            `Cannot pass chunk: ${total} bytes exceed the limit of ${size}`,
          );
        }
      },
    });
  }
}
