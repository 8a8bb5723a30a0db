/**
 * A whole stream as one value. For small bodies: the caller bounds the size,
 * with `LimitedBytesTransformStream` for instance.
 *
 * @module
 */

/** All bytes of a stream, in one new array. */
export async function toBytes(
  stream: ReadableStream<Uint8Array>,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    length += chunk.length;
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** All bytes of a stream, as an `ArrayBuffer` that holds nothing else. */
export async function toArrayBuffer(
  stream: ReadableStream<Uint8Array>,
): Promise<ArrayBuffer> {
  return (await toBytes(stream)).buffer;
}

/** All bytes of a stream, as a `Blob` without a type. */
export async function toBlob(
  stream: ReadableStream<Uint8Array>,
): Promise<Blob> {
  return new Blob([await toBytes(stream)]);
}

/**
 * A stream as text: strings joined, bytes read as UTF-8 with U+FFFD where they
 * are not.
 */
export async function toText(
  stream: ReadableStream<string> | ReadableStream<Uint8Array>,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream as ReadableStream<string | Uint8Array>) {
    text += typeof chunk === "string"
      ? chunk
      : decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/**
 * A stream's text parsed as JSON.
 *
 * @throws {SyntaxError} If it is none.
 */
export async function toJson(
  stream: ReadableStream<string> | ReadableStream<Uint8Array>,
): Promise<unknown> {
  return JSON.parse(await toText(stream));
}
