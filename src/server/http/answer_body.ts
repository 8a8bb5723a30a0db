/**
 * The body of an answer as something that a session writes to. Small answers
 * become one piece, so that they have a length, and so that a session that
 * fails at once can still be answered by a status; larger ones are streamed
 * under the client's backpressure.
 *
 * @module
 */

/** Answers up to this size are not streamed, if they are ready soon. */
const HOLD_BYTES = 64 * 1024;
/** How long the first bytes wait for the rest. */
const HOLD_MS = 20;
/** Bytes that may wait in the stream for the client. */
const QUEUE_BYTES = 512 * 1024;

/** Takes what a session writes, and makes the body of a response of it. */
export class AnswerBody {
  readonly #onCancel: (reason: unknown) => void;
  readonly #begun = Promise.withResolvers<void>();
  #body: ReadableStream<Uint8Array> | undefined;
  #held: Uint8Array<ArrayBuffer>[] = [];
  #heldBytes = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #state: "holding" | "streaming" | "ending" | "over" = "holding";
  #wake: (() => void) | undefined;
  #taken = 0;
  #last: Uint8Array = new Uint8Array(0);

  /**
   * `onCancel` hears that the client has left. `head` goes out before all else;
   * alone it is no reason to begin, however long the rest takes.
   */
  constructor(
    onCancel: (reason: unknown) => void,
    head: Uint8Array = new Uint8Array(0),
  ) {
    this.#onCancel = onCancel;
    if (head.length > 0) this.#held.push(new Uint8Array(head));
    this.#heldBytes = this.#taken = head.length;
    this.#begun.promise.catch(() => {});
  }

  /** Bytes that have gone to the runtime. */
  get sent(): number {
    const room = this.#controller?.desiredSize ?? QUEUE_BYTES;
    return this.#taken - Math.max(0, QUEUE_BYTES - room);
  }

  /** What was written last. */
  get last(): Uint8Array {
    return this.#last;
  }

  /** Whether the response can still become another one. */
  get isHeld(): boolean {
    return this.#state === "holding";
  }

  /**
   * Takes a copy of `bytes`; resolves when there is room for more. Throws the
   * signal's reason when it aborts.
   */
  async write(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    if (this.#state === "ending" || this.#state === "over") {
      throw new Error("The answer is over");
    }
    const copy = new Uint8Array(bytes);
    this.#taken += copy.length;
    this.#last = copy;
    if (this.#state === "holding") {
      this.#held.push(copy);
      this.#heldBytes += copy.length;
      if (this.#heldBytes > HOLD_BYTES) this.#stream();
      else this.#timer ??= setTimeout(() => this.#stream(), HOLD_MS);
      return;
    }
    this.#controller?.enqueue(copy);
    await this.#until(() => {
      const room = this.#controller?.desiredSize ?? 0;
      return this.#state !== "streaming" || room > 0;
    }, signal);
    signal?.throwIfAborted();
  }

  /** Ends the body, behind what waits in it. Idempotent. */
  end(): void {
    if (this.#state === "holding") {
      this.#begun.resolve();
      this.#leave();
    } else if (this.#state === "streaming") {
      this.#state = "ending";
      this.#closeIfTaken();
    }
  }

  /**
   * Resolves when an answer that has ended is out of here, or has failed. What
   * is in one piece has gone with its response. Throws the signal's reason
   * when it aborts, and breaks the body off.
   */
  async taken(signal?: AbortSignal): Promise<void> {
    try {
      await this.#until(() => this.#state !== "ending", signal);
    } catch (error) {
      this.fail(error);
      throw error;
    }
  }

  /**
   * Breaks the body off, so that the client does not take it for whole. Where
   * nothing has gone out, {@linkcode AnswerBody.response} rejects with
   * `reason`.
   */
  fail(reason: unknown): void {
    if (this.#state === "over") return;
    if (this.#state === "holding") this.#begun.reject(reason);
    else this.#controller?.error(reason);
    this.#leave();
  }

  /** The response, as soon as it is known whether it will be streamed. */
  async response(init: ResponseInit): Promise<Response> {
    await this.#begun.promise;
    const body = this.#body ?? joined(this.#held, this.#heldBytes);
    this.#held = [];
    return new Response(body, init);
  }

  /** Lets what was held go out, and what comes follow it. */
  #stream(): void {
    if (this.#state !== "holding") return;
    this.#state = "streaming";
    clearTimeout(this.#timer);
    const strategy = new ByteLengthQueuingStrategy({
      highWaterMark: QUEUE_BYTES,
    });
    this.#body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
        for (const piece of this.#held) controller.enqueue(piece);
        this.#held = [];
      },
      pull: () => {
        if (this.#state === "ending") this.#closeIfTaken();
        else this.#wake?.();
      },
      cancel: (reason) => {
        this.#leave();
        this.#onCancel(reason);
      },
    }, strategy);
    this.#begun.resolve();
  }

  /** A stream that was closed says nothing of what still waits in it. */
  #closeIfTaken(): void {
    if ((this.#controller?.desiredSize ?? 0) < QUEUE_BYTES) return;
    this.#controller?.close();
    this.#leave();
  }

  /** Waits for the client to take of what is queued. */
  async #until(
    isSo: () => boolean,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const wake = () => this.#wake?.();
    signal?.addEventListener("abort", wake, { once: true });
    try {
      while (!isSo()) {
        signal?.throwIfAborted();
        const change = Promise.withResolvers<void>();
        this.#wake = change.resolve;
        await change.promise;
      }
    } finally {
      signal?.removeEventListener("abort", wake);
    }
  }

  #leave(): void {
    this.#state = "over";
    clearTimeout(this.#timer);
    this.#wake?.();
  }
}

function joined(
  pieces: readonly Uint8Array[],
  bytes: number,
): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
