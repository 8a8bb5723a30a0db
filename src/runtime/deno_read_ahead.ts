/**
 * Bodies of requests over plain connections, taken as fast as they come.
 *
 * `Deno.serve` reads such a connection ahead of who takes the body, however
 * slowly that is done, and moves all that waits with each chunk that is taken:
 * a push in chunks of 8 KiB, as git sends them, took time by the square of its
 * size. Over TLS it reads no more than is taken.
 *
 * @module
 */

/** What waits is handed on in pieces of about this size. */
const PIECE_BYTES = 256 * 1024;
/** Smaller bodies are read at once anyhow. */
const SMALL_BYTES = 64 * 1024;

/** The same request with a body that is taken as it comes; what waits, waits here. */
export function readAhead(request: Request): Request {
  const { body, headers, method, url } = request;
  const length = headers.get("content-length");
  const isSmall = length !== null && Number(length) <= SMALL_BYTES;
  if (body === null || isSmall || method !== "POST" || !URL.canParse(url)) {
    return request;
  }
  const init = { method, headers, body: takenAhead(body), duplex: "half" };
  return new Request(url, init as RequestInit);
}

/** A body that is read to its end whether anybody reads it or not. */
export function takenAhead(
  body: ReadableStream<Uint8Array>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  const queue = new Queue();
  const end: { isReached: boolean; failure?: unknown } = { isReached: false };
  let wake = () => {};
  const take = async () => {
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        queue.push(value);
        wake();
      }
    } catch (error) {
      end.failure = error;
    }
    end.isReached = true;
    wake();
  };
  return new ReadableStream({
    start: () => void take(),
    async pull(controller) {
      while (queue.isEmpty && !end.isReached) {
        const change = Promise.withResolvers<void>();
        wake = change.resolve;
        await change.promise;
      }
      if (!queue.isEmpty) controller.enqueue(queue.shift());
      else if ("failure" in end) controller.error(end.failure);
      else controller.close();
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

/** Pieces that wait, joined when they are taken. */
class Queue {
  #pieces: Uint8Array[] = [];
  #at = 0;

  get isEmpty(): boolean {
    return this.#at === this.#pieces.length;
  }

  push(piece: Uint8Array): void {
    // The runtime gives views of buffers that are far larger.
    this.#pieces.push(piece.slice());
  }

  shift(): Uint8Array<ArrayBuffer> {
    let [end, bytes] = [this.#at, 0];
    while (end < this.#pieces.length && bytes < PIECE_BYTES) {
      bytes += (this.#pieces[end++] as Uint8Array).length;
    }
    const joined = new Uint8Array(bytes);
    let at = 0;
    for (const piece of this.#pieces.slice(this.#at, end)) {
      joined.set(piece, at);
      at += piece.length;
    }
    this.#at = end;
    // What was taken goes, in few large steps.
    if (this.#at * 2 >= this.#pieces.length) {
      this.#pieces = this.#pieces.slice(this.#at);
      this.#at = 0;
    }
    return joined;
  }
}
