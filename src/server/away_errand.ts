/**
 * One errand that another thread carries out, as the thread that has the
 * socket sees it: writes what that thread made, reads what it asks for, and
 * tells it when the session is to end.
 *
 * @module
 */

import type { Conversation } from "../service/conversation.ts";
import type { SnapshotWeight } from "../storage/types.ts";
import {
  type FromWorker,
  packFailure,
  type ToWorker,
  unpackFailure,
} from "./errand_messages.ts";

/** Why a read was given up. */
const HELD = new Error("Nobody waits for this read");

type OfErrand = Exclude<FromWorker, { type: "ready" | "share" }>;

/** One errand under way. */
export class AwayErrand {
  /** Settles when the errand has ended and all that it wrote has gone out. */
  readonly finished: Promise<void>;
  /** What the repository was found to weigh, if it was weighed. */
  weight: SnapshotWeight | undefined;
  /** Bytes that its thread has made and the peer has not taken yet. */
  held = 0;
  readonly #conversation: Conversation;
  readonly #id: number;
  readonly #post: (message: ToWorker, transfer?: ArrayBuffer[]) => void;
  readonly #end = Promise.withResolvers<void>();
  readonly #stopWatching: () => void;
  /** Aborts when the errand has ended, however. */
  readonly #over = new AbortController();
  /** Writes, one after the other. */
  #writes: Promise<void> = Promise.resolve();
  /** Reads, likewise; they end when the peer likes, and nothing waits for it. */
  #reads: Promise<void> = Promise.resolve();
  /** Gives up the reads that were asked for so far. */
  #holding = new AbortController();
  /** Nothing is expected of its thread any more. */
  isOver = false;

  /** Watches the session's signal until the errand ends. */
  constructor(
    conversation: Conversation,
    id: number,
    post: (message: ToWorker, transfer?: ArrayBuffer[]) => void,
  ) {
    this.#conversation = conversation;
    this.#id = id;
    this.#post = post;
    this.finished = this.#end.promise;
    // Nobody may be waiting yet when it fails.
    this.finished.catch(() => {});
    const { signal } = conversation.context;
    const abort = () => this.giveUp(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    this.#stopWatching = () => signal.removeEventListener("abort", abort);
  }

  /** Takes a message about this errand. */
  take(message: OfErrand): void {
    switch (message.type) {
      case "write":
        this.#conversation.channel = message.channel;
        this.held += message.length;
        this.#writes = this.#behind(
          this.#writes,
          () => this.#write(message.buffer, message.length),
        );
        return;
      case "read":
        this.#conversation.channel = message.channel;
        this.#read(message.length, this.#holding.signal);
        return;
      case "hold":
        this.#holding.abort(HELD);
        this.#holding = new AbortController();
        return;
      case "tell":
        void this.#tell(message);
        return;
      case "log": {
        const { level, message: text, fields } = message;
        this.#conversation.context.logger.log(level, text, fields);
        return;
      }
      case "end":
        this.#finish(message);
    }
  }

  /** Ends it with an error, once no write is under way. */
  fail(error: unknown): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#over.abort(error);
    this.#stopWatching();
    void this.#writes.then(() => this.#end.reject(error));
  }

  #behind(last: Promise<void>, work: () => Promise<void>): Promise<void> {
    return last.then(async () => {
      if (this.isOver) return;
      try {
        await work();
      } catch (error) {
        this.giveUp(error);
      }
    });
  }

  async #write(buffer: ArrayBuffer, length: number): Promise<void> {
    const { connection, signal } = this.#conversation.context;
    await connection.write(new Uint8Array(buffer, 0, length), signal);
    this.held -= length;
    this.#post({ type: "written", id: this.#id, buffer }, [buffer]);
  }

  #read(length: number, held: AbortSignal): void {
    const { connection, signal } = this.#conversation.context;
    this.#reads = this.#behind(this.#reads, async () => {
      const buffer = new Uint8Array(length);
      let count = 0;
      try {
        held.throwIfAborted();
        const either = AbortSignal.any([signal, held]);
        count = await connection.read(buffer, either);
      } catch (error) {
        if (error !== HELD) throw error;
      }
      if (this.isOver) return;
      // Of much, the buffer goes as it is; of little, a copy that is small.
      const bytes = count < length / 4
        ? buffer.slice(0, count)
        : buffer.subarray(0, count);
      const isGivenUp = held.aborted && count === 0;
      this.#post(
        { type: "input", id: this.#id, bytes, ...(isGivenUp && { isGivenUp }) },
        [bytes.buffer],
      );
    });
  }

  /** Has an event heard here. Nobody waits for it once the session ends. */
  async #tell(
    { ask, event, facts }: Extract<OfErrand, { type: "tell" }>,
  ): Promise<void> {
    const { hooks, signal, logger } = this.#conversation.context;
    try {
      const verdict = await hooks?.listeners?.tell(event, facts, {
        signal: AbortSignal.any([signal, this.#over.signal]),
        logger,
      });
      if (verdict === undefined || this.isOver) return;
      this.#post({ type: "told", id: this.#id, ask, verdict });
    } catch {
      // The session was ended, of which the thread hears by itself.
    }
  }

  /**
   * Ends it with an error, of which its thread hears. Does not wait for the
   * thread, which may be busy.
   */
  giveUp(error: unknown): void {
    if (this.isOver) return;
    this.#post({ type: "abort", id: this.#id, reason: packFailure(error) });
    this.fail(error);
  }

  #finish(
    { state, failure, weight }: Extract<OfErrand, { type: "end" }>,
  ): void {
    this.weight = weight;
    // Behind what was written before: that goes out, or fails first.
    this.#writes = this.#behind(this.#writes, () => {
      this.isOver = true;
      this.#stopWatching();
      Object.assign(this.#conversation, state);
      if (failure === undefined) this.#end.resolve();
      else this.#end.reject(unpackFailure(failure));
      return Promise.resolve();
    });
  }
}
