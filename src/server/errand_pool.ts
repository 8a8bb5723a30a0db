/**
 * Threads that look into repositories, as the thread that owns the sockets
 * sees them: who works on what, and the bytes that go to and fro.
 *
 * @module
 */

import { EMPTY_BYTES } from "../core/bytes.ts";
import { messageOf, StorageError } from "../core/errors.ts";
import type { Clock, MessagePortLike, WorkerHandlers } from "../core/host.ts";
import type { Logger } from "../core/logger.ts";
import {
  type PlaceCells,
  placeCells,
  SharedPlaces,
} from "../core/shared_places.ts";
import type { Conversation } from "../service/conversation.ts";
import type { Errand, Errands } from "../service/errand.ts";
import type { Repository, SnapshotWeight } from "../storage/types.ts";
import { AwayErrand } from "./away_errand.ts";
import type {
  ErrandOrder,
  FromWorker,
  ThreadSettings,
  ToWorker,
} from "./errand_messages.ts";
import { LightRepositories } from "./light_repositories.ts";
import { type SharedValue, SharedValues } from "./shared_values.ts";
import { withoutRepeats } from "./log.ts";

/** What an {@linkcode ErrandPool} is made from. */
export interface ErrandPoolOptions {
  /** Threads at most; each is started when it is first of use. */
  readonly size: number;
  /** Starts a thread. */
  readonly start: (handlers: WorkerHandlers) => MessagePortLike;
  /** Threads that may help those with large packs, all in all. */
  readonly helpers: number;
  /** What bounds each thread. */
  readonly settings: ThreadSettings;
  /** Time. */
  readonly clock: Pick<Clock, "monotonic">;
  /** The log. */
  readonly logger: Logger;
}

/** What threads get to end what they have started, such as programs. */
const CLOSING_MS = 1000;
/** How many threads in a row may fail before they came up. */
const MAX_FAILED_STARTS = 3;
/** Errands that read on; what follows a v2 request is for us. */
const READING: ReadonlySet<Errand["kind"]> = new Set([
  "upload-pack",
  "receive-pack",
]);
/**
 * Errands that cost more than a repository's weight tells: what they read comes
 * out of its compression, and patterns are held to every path. What a push
 * brings is not known before.
 */
const EXPANDING: ReadonlySet<Errand["kind"]> = new Set([
  "archive",
  "receive-pack",
]);

class Thread {
  /** Which one it is, from one on. */
  readonly number: number;
  readonly errands = new Map<number, AwayErrand>();
  /** Errands that it has not said the end of, those that failed among them. */
  readonly running = new Set<number>();
  port: MessagePortLike | undefined;
  /** Resolves to whether it came up. */
  up = Promise.withResolvers<"up" | "failed">();
  isUp = false;
  /** Another object for each thread that was started in this place. */
  life: object | undefined;
  /** Errands that it has or waits to get. */
  load = 0;

  #onEnd = () => {};

  constructor(number: number) {
    this.number = number;
  }

  post(message: ToWorker, transfer?: ArrayBuffer[]): void {
    this.port?.post(message, transfer);
  }

  /** Hears that an errand has ended. */
  ended(id: number): void {
    this.running.delete(id);
    if (this.running.size === 0) this.#onEnd();
  }

  /** Resolves when every errand has ended, or after `ms`. */
  async allEnded(ms: number): Promise<void> {
    const all = Promise.withResolvers<void>();
    const timer = setTimeout(all.resolve, ms);
    this.#onEnd = all.resolve;
    await all.promise;
    clearTimeout(timer);
  }
}

/** The threads of one server. */
export class ErrandPool implements Errands {
  readonly #options: ErrandPoolOptions;
  readonly #threads: Thread[];
  readonly #light: LightRepositories;
  readonly #shared: SharedValues;
  readonly #helpers: PlaceCells;
  /** For lines that concern no errand: several threads give the same. */
  readonly #common: Logger;
  #count = 0;
  #failedStarts = 0;
  #isClosed = false;

  /** Starts nothing yet. */
  constructor(options: ErrandPoolOptions) {
    this.#options = options;
    this.#light = new LightRepositories(options.clock);
    this.#shared = new SharedValues(options.settings.sharedBytes);
    this.#common = withoutRepeats(options.logger);
    this.#threads = Array.from(
      { length: options.size },
      (_, i) => new Thread(i + 1),
    );
    this.#helpers = placeCells(options.helpers);
  }

  /** How many errands are under way. */
  get active(): number {
    return this.#threads.reduce((sum, { errands }) => sum + errands.size, 0);
  }

  /** Bytes that threads have made and peers have not taken yet. */
  get held(): number {
    let held = 0;
    for (const { errands } of this.#threads) {
      for (const away of errands.values()) held += away.held;
    }
    return held;
  }

  /** Starts one thread ahead of the first errand. */
  warm(): void {
    if (this.#isUsable()) this.#hasStarted(this.#threads[0] as Thread);
  }

  prepare(repository: Repository): void {
    const { address } = repository;
    if (address === undefined || !this.#isUsable()) return;
    const outline = repository.outline?.() ?? "";
    if (this.#light.isLight(address.gitDir, outline) === true) return;
    const thread = this.#choose(address.gitDir);
    if (thread.load > 0) return;
    if (!this.#hasStarted(thread)) return;
    thread.post({ type: "prepare", address });
  }

  async carryOut(
    conversation: Conversation,
    errand: Errand,
    here: () => Promise<void>,
  ): Promise<void> {
    const { repository } = conversation.context;
    const { address } = repository;
    if (address === undefined || !this.#isUsable()) return await here();
    const outline = repository.outline?.() ?? "";
    const isLight = this.#light.isLight(address.gitDir, outline);
    if (isLight === true && !EXPANDING.has(errand.kind)) return await here();
    const thread = this.#choose(address.gitDir);
    thread.load++;
    try {
      if (!await this.#isUp(thread)) return await here();
      const weight = await this.#send(thread, conversation, {
        errand,
        address,
        // A push is never done here, and outdates what was weighed.
        // A glance at refs opens no objects, and weighing would.
        weigh: isLight === undefined && errand.kind !== "receive-pack" &&
          errand.kind !== "overview",
      });
      if (weight !== undefined) {
        this.#light.note(address.gitDir, outline, weight);
      }
    } finally {
      thread.load--;
    }
  }

  /**
   * Ends the threads; errands that are under way fail. Resolves when threads
   * have ended what they had started, or have had their time. Idempotent.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#threads.map(async (thread) => {
      if (thread.running.size > 0) {
        const error = threadFailed("it was closed");
        for (const away of thread.errands.values()) away.giveUp(error);
        await thread.allEnded(CLOSING_MS);
      }
      this.#drop(thread, "it was closed");
    }));
  }

  async #send(
    thread: Thread,
    conversation: Conversation,
    asked: Pick<ErrandOrder, "errand" | "address" | "weigh">,
  ): Promise<SnapshotWeight | undefined> {
    const id = ++this.#count;
    // What was gathered goes out before anything that the thread writes.
    const { context, reader, writer } = conversation;
    const away = new AwayErrand(
      conversation,
      id,
      (message, transfer) => thread.post(message, transfer),
    );
    thread.errands.set(id, away);
    try {
      await writer.send();
      context.signal.throwIfAborted();
      // Its thread may have failed meanwhile, and another one started.
      if (away.isOver) return void await away.finished;
      const received = READING.has(asked.errand.kind)
        ? reader.takeBuffered()
        : EMPTY_BYTES;
      thread.running.add(id);
      thread.post({
        type: "start",
        id,
        order: {
          ...asked,
          protocol: context.protocol,
          limits: {
            ...boundsOf(context.limits),
            maxRequestBytes: reader.left + received.length,
          },
          agent: context.agent,
          terms: context.terms,
          ...(context.path === undefined ? {} : { path: context.path }),
          ...(context.caller === undefined ? {} : { caller: context.caller }),
          peer: context.connection.peer,
          peerAddress: context.connection.address,
          heard: context.hooks?.listeners?.heard ?? [],
          received,
          haves: conversation.haves,
          rounds: conversation.rounds,
        },
      });
      await away.finished;
      return away.weight;
    } finally {
      thread.errands.delete(id);
    }
  }

  /** Whether threads may be had: not after several could not be started. */
  #isUsable(): boolean {
    return !this.#isClosed && this.#failedStarts < MAX_FAILED_STARTS;
  }

  /**
   * The thread for a repository: one that has least to do and, of those, one
   * that was started, and the same one each time.
   */
  #choose(key: string): Thread {
    const { length } = this.#threads;
    const first = hashOf(key) % length;
    let best = this.#threads[first] as Thread;
    for (let i = 1; i < length; i++) {
      const other = this.#threads[(first + i) % length] as Thread;
      const isBetter = other.load === best.load
        ? other.port !== undefined && best.port === undefined
        : other.load < best.load;
      if (isBetter) best = other;
    }
    return best;
  }

  async #isUp(thread: Thread): Promise<boolean> {
    if (thread.isUp) return true;
    return this.#hasStarted(thread) && await thread.up.promise === "up";
  }

  #hasStarted(thread: Thread): boolean {
    if (thread.port !== undefined) return true;
    // What an earlier thread in this place still says is not for this one.
    const life = thread.life = {};
    try {
      thread.port = this.#options.start({
        onMessage: (message) => {
          if (thread.life !== life) return;
          this.#take(thread, message as FromWorker);
        },
        onError: (why) => {
          if (thread.life === life) this.#onError(thread, why);
        },
      });
      const { settings } = this.#options;
      thread.post({
        ...{ type: "settings", settings },
        ...{ thread: thread.number, helpers: this.#helpers },
      });
      for (const shared of this.#shared.all()) {
        thread.post({ type: "share", shared });
      }
      return true;
    } catch (error) {
      this.#countFailedStart(messageOf(error));
      return false;
    }
  }

  #onError(thread: Thread, why: string): void {
    if (thread.port === undefined) return;
    if (thread.isUp) {
      this.#options.logger.log("error", `BUG: a thread failed: ${why}`);
    } else {
      this.#countFailedStart(why);
    }
    this.#drop(thread, why);
  }

  #countFailedStart(why: string): void {
    this.#failedStarts++;
    this.#options.logger.log(
      "warn",
      `Cannot start a thread, going on without: ${why}`,
    );
  }

  #take(thread: Thread, message: FromWorker): void {
    if (message.type === "ready") {
      thread.isUp = true;
      thread.up.resolve("up");
      this.#failedStarts = 0;
    } else if (message.type === "share") {
      this.#share(thread, message.shared);
    } else if (message.type === "log" && message.id === 0) {
      const { level, message: text, fields } = message;
      this.#common.log(level, text, fields);
    } else {
      if (message.type === "end") thread.ended(message.id);
      thread.errands.get(message.id)?.take(message);
    }
  }

  /** Passes on what one thread has read. */
  #share(from: Thread, shared: SharedValue): void {
    if (!this.#shared.takes(shared)) return;
    const names = this.#shared.put(shared);
    for (const thread of this.#threads) {
      if (names.length > 0) thread.post({ type: "forget", names });
      if (thread !== from) thread.post({ type: "share", shared });
    }
  }

  #drop(thread: Thread, why: string): void {
    thread.port?.close();
    thread.port = undefined;
    thread.life = undefined;
    thread.isUp = false;
    thread.up.resolve("failed");
    thread.up = Promise.withResolvers();
    thread.running.clear();
    // Those who helped it have ended with it.
    new SharedPlaces(this.#helpers, thread.number).clear();
    const error = threadFailed(why);
    for (const away of thread.errands.values()) away.fail(error);
  }
}

function threadFailed(why: string): StorageError {
  return new StorageError(
    "thread-failed",
    `Cannot go on with session: ${why}`,
  );
}

/** The bounds alone: the rest of a server's limits is not for services. */
function boundsOf(limits: Conversation["context"]["limits"]) {
  const { maxWants, maxHaves, maxRounds, maxShallow, maxRequestBytes } = limits;
  const { sliceMs, keepAliveMs, hookMs } = limits;
  return {
    ...{ maxWants, maxHaves, maxRounds, maxShallow, maxRequestBytes },
    ...{ sliceMs, keepAliveMs, hookMs },
  };
}

/** FNV-1a over the code units: the same repository, the same thread. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0;
}
