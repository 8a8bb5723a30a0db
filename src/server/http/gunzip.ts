/**
 * One gzip member out of its coding, in bounded memory.
 *
 * What is behind the member is an error. Runtimes do not agree about that: some
 * go on with a second member. But the end of a member says how long its content
 * is, which is then not the length of all.
 *
 * @see https://www.rfc-editor.org/rfc/rfc1952
 * @module
 */

/** Bytes that are decoded at a time: a thousand times as many come of them. */
const SLICE = 4096;
/** CRC and length of the content. */
const LENGTH_BYTES = 4;

/** Hears what passes. What it throws ends the stream. */
export interface GunzipWatch {
  /** So many bytes have come so far. */
  onRaw(total: number): void;
  /** So many bytes were made of them so far. */
  onDecoded(total: number): void;
}

/** The content of `body`. Its reader sees what `watch` throws. */
export function gunzip(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  watch: GunzipWatch,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let raw = 0;
  let decoded = 0;
  let tail: Uint8Array = new Uint8Array(0);
  const sliced = new TransformStream<
    Uint8Array<ArrayBuffer>,
    Uint8Array<ArrayBuffer>
  >({
    transform(chunk, controller) {
      raw += chunk.length;
      watch.onRaw(raw);
      const both = new Uint8Array(tail.length + Math.min(chunk.length, 4));
      both.set(tail);
      both.set(chunk.subarray(-LENGTH_BYTES), tail.length);
      tail = both.slice(-LENGTH_BYTES);
      for (let at = 0; at < chunk.length; at += SLICE) {
        controller.enqueue(chunk.subarray(at, at + SLICE));
      }
    },
  });
  const checked = new TransformStream<
    Uint8Array<ArrayBuffer>,
    Uint8Array<ArrayBuffer>
  >({
    transform(chunk, controller) {
      decoded += chunk.length;
      watch.onDecoded(decoded);
      controller.enqueue(chunk);
    },
    flush() {
      const said = tail.reduceRight((sum, byte) => sum * 256 + byte, 0);
      if (said === decoded % 2 ** 32) return;
      throw new TypeError("Cannot decode gzip: something follows its member");
    },
  });
  return body.pipeThrough(sliced)
    .pipeThrough(new DecompressionStream("gzip"))
    .pipeThrough(checked);
}
