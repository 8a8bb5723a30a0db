/**
 * Several streams as one. Leaving the result early cancels every stream that
 * went into it; an error in one of them is the result's error.
 *
 * @module
 */

/** The streams one after another. */
export function concatReadableStreams<T>(
  ...streams: ReadableStream<T>[]
): ReadableStream<T> {
  let current: ReadableStreamDefaultReader<T> | undefined;
  let next = 0;
  return new ReadableStream<T>({
    async pull(controller) {
      for (;;) {
        current ??= streams[next++]?.getReader();
        if (current === undefined) return controller.close();
        const { done, value } = await orCancel(
          current.read(),
          streams.slice(next),
        );
        if (!done) return controller.enqueue(value);
        current.releaseLock();
        current = undefined;
      }
    },
    async cancel(reason) {
      await Promise.all([
        current?.cancel(reason),
        ...streams.slice(next).map((stream) => stream.cancel(reason)),
      ]);
    },
  });
}

/** The chunks of all streams, in the order in which they arrive. */
export function mergeReadableStreams<T>(
  ...streams: ReadableStream<T>[]
): ReadableStream<T> {
  const readers = streams.map((stream) => stream.getReader());
  type Turn = { from: ReadableStreamDefaultReader<T>; chunk: Chunk<T> };
  const turns = new Map<ReadableStreamDefaultReader<T>, Promise<Turn>>();
  const ask = (from: ReadableStreamDefaultReader<T>) => {
    // Last in the map, so that a stream that is always ready starves no other.
    turns.delete(from);
    turns.set(from, from.read().then((chunk) => ({ from, chunk })));
  };
  return new ReadableStream<T>({
    start() {
      for (const reader of readers) ask(reader);
    },
    async pull(controller) {
      while (turns.size > 0) {
        const { from, chunk } = await orCancel(
          Promise.race(turns.values()),
          readers,
        );
        if (chunk.done) {
          turns.delete(from);
          continue;
        }
        ask(from);
        return controller.enqueue(chunk.value);
      }
      controller.close();
    },
    async cancel(reason) {
      await Promise.all(readers.map((reader) => reader.cancel(reason)));
    },
  });
}

/**
 * One chunk of each stream in turn; a stream that has ended is left out of the
 * later rounds.
 */
export function zipReadableStreams<T>(
  ...streams: ReadableStream<T>[]
): ReadableStream<T> {
  const readers = streams.map((stream) => stream.getReader());
  let turn = 0;
  return new ReadableStream<T>({
    async pull(controller) {
      for (;;) {
        const reader = readers[turn];
        if (reader === undefined) {
          if (readers.length === 0) return controller.close();
          turn = 0;
          continue;
        }
        const { done, value } = await orCancel(reader.read(), readers);
        if (done) {
          readers.splice(turn, 1);
          continue;
        }
        turn++;
        return controller.enqueue(value);
      }
    },
    async cancel(reason) {
      await Promise.all(readers.map((reader) => reader.cancel(reason)));
    },
  });
}

type Chunk<T> = ReadableStreamReadResult<T>;

interface Cancellable {
  cancel(reason?: unknown): Promise<void>;
}

/** Waits for one stream; if it fails, the others are cancelled. */
async function orCancel<R>(
  waited: Promise<R>,
  others: readonly Cancellable[],
): Promise<R> {
  try {
    return await waited;
  } catch (error) {
    await Promise.allSettled(others.map((other) => other.cancel(error)));
    throw error;
  }
}
