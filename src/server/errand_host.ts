/**
 * A thread's side of errands: carries them out over connections whose sockets
 * another thread has. Several run in turns, as sessions do.
 *
 * @module
 */

import { RefusedError, StorageError } from "../core/errors.ts";
import type { Clock, Connection, MessagePortLike } from "../core/host.ts";
import type { Logger } from "../core/logger.ts";
import { SharedPlaces } from "../core/shared_places.ts";
import { AnswerCache } from "../service/answers.ts";
import { Conversation } from "../service/conversation.ts";
import { doErrand } from "../service/errand_table.ts";
import type { PushListeners } from "../service/receive_pack/push_events.ts";
import type { HookSource } from "../service/receive_pack/push_hooks.ts";
import type { ServiceContext } from "../service/types.ts";
import type {
  Repository,
  RepositoryAddress,
  SnapshotWeight,
} from "../storage/types.ts";
import {
  type ErrandOrder,
  type ErrandState,
  type FromWorker,
  packFailure,
  type ToWorker,
  unpackFailure,
} from "./errand_messages.ts";
import { RemoteConnection } from "./remote_connection.ts";
import { RemoteListeners } from "./remote_listeners.ts";
import { type SharedValue, SharedValues } from "./shared_values.ts";

/** What an {@linkcode ErrandHost} works with. */
export interface ErrandHostOptions {
  /** Opens the repository at an address. */
  readonly open: (address: RepositoryAddress) => Promise<Repository>;
  /** The kernels in use. */
  readonly kernels: ServiceContext["kernels"];
  /** Time. */
  readonly clock: Clock;
  /** Where hooks come from, given who listens elsewhere. */
  readonly hooks?: (listeners: PushListeners) => HookSource;
  /** The way back. */
  readonly port: Pick<MessagePortLike, "post">;
}

interface Running {
  readonly connection: RemoteConnection;
  readonly listeners: RemoteListeners;
  readonly ending: AbortController;
}

/** Takes a thread's messages. */
export class ErrandHost {
  readonly #options: ErrandHostOptions;
  readonly #running = new Map<number, Running>();
  #answers: AnswerCache | undefined;
  #shared: SharedValues | undefined;
  #places: SharedPlaces | undefined;

  /** Nothing runs yet. */
  constructor(options: ErrandHostOptions) {
    this.#options = options;
  }

  /** Takes one message. */
  take(message: ToWorker): void {
    switch (message.type) {
      case "settings":
        this.#answers = new AnswerCache(message.settings.answerCacheBytes);
        this.#shared = new SharedValues(message.settings.sharedBytes);
        this.#places = new SharedPlaces(message.helpers, message.thread);
        return;
      case "share":
        this.#shared?.put(message.shared);
        return;
      case "forget":
        for (const name of message.names) this.#shared?.forget(name);
        return;
      case "prepare":
        void this.#prepare(message.address);
        return;
      case "start":
        void this.#run(message.id, message.order);
        return;
      case "input":
        this.#running.get(message.id)?.connection.give(
          message.bytes,
          message.isGivenUp,
        );
        return;
      case "written":
        this.#running.get(message.id)?.connection.wrote(message.buffer);
        return;
      case "told":
        this.#running.get(message.id)?.listeners.told(
          message.ask,
          message.verdict,
        );
        return;
      case "abort":
        this.#running.get(message.id)?.ending.abort(
          unpackFailure(message.reason),
        );
    }
  }

  /** Places for those who help this thread, once it was told of them. */
  get helperPlaces(): SharedPlaces | undefined {
    return this.#places;
  }

  /** What some thread has shared under a name. */
  shared(name: string): unknown {
    return this.#shared?.get(name);
  }

  /** Shares a value with the other threads. */
  share(shared: SharedValue): void {
    if (this.#shared?.takes(shared) !== true) return;
    this.#shared.put(shared);
    this.#post({ type: "share", shared });
  }

  /** Opens the objects, so that the first errand finds them open. */
  async #prepare(address: RepositoryAddress): Promise<void> {
    try {
      const repository = await this.#options.open(address);
      using snapshot = await repository.snapshot();
      void snapshot.objects.count;
    } catch {
      // Whoever needs it meets the same error, and somebody who can be told.
    }
  }

  async #run(id: number, order: ErrandOrder): Promise<void> {
    const ending = new AbortController();
    const connection = new RemoteConnection(order, {
      send: (message, transfer) => this.#post({ ...message, id }, transfer),
      channel: () => conversation?.channel ?? "lines",
    });
    const listeners = new RemoteListeners(
      order.heard,
      (message) => this.#post({ ...message, id }),
    );
    let conversation: Conversation | undefined;
    this.#running.set(id, { connection, listeners, ending });
    let failure: unknown;
    let hasFailed = false;
    try {
      const repository = await this.#open(order.address);
      const { hooks } = this.#options;
      conversation = new Conversation({
        repository,
        connection: connection satisfies Connection,
        protocol: order.protocol,
        clock: this.#options.clock,
        logger: this.#logger(id),
        kernels: this.#options.kernels,
        signal: ending.signal,
        limits: order.limits,
        agent: order.agent,
        terms: order.terms,
        ...(this.#answers === undefined ? {} : { answers: this.#answers }),
        ...(order.path === undefined ? {} : { path: order.path }),
        ...(order.caller === undefined ? {} : { caller: order.caller }),
        ...(hooks === undefined ? {} : { hooks: hooks(listeners) }),
      });
      conversation.haves = order.haves;
      conversation.rounds = order.rounds;
      await doErrand(conversation, order.errand);
    } catch (error) {
      hasFailed = true;
      failure = error;
    }
    try {
      // Also what was gathered before a failure: it comes before the reason.
      await conversation?.writer.send();
    } catch (error) {
      failure = hasFailed ? failure : error;
      hasFailed = true;
    }
    this.#running.delete(id);
    const weight = order.weigh && !hasFailed
      ? await weightOf(conversation)
      : undefined;
    this.#post({
      type: "end",
      id,
      state: stateOf(conversation, order),
      ...(hasFailed ? { failure: packFailure(failure) } : {}),
      ...(weight === undefined ? {} : { weight }),
    });
  }

  /**
   * Opens what the thread with the socket has opened before: that it cannot be
   * had any more is for the log, not for the peer.
   */
  async #open(address: RepositoryAddress): Promise<Repository> {
    try {
      return await this.#options.open(address);
    } catch (cause) {
      if (!(cause instanceof RefusedError)) throw cause;
      throw new StorageError(
        "repository-lost",
        `cannot open '${address.path}' again`,
        { cause },
      );
    }
  }

  #logger(id: number): Logger {
    return {
      log: (level, message, fields = {}) =>
        this.#post({ type: "log", id, level, message, fields }),
    };
  }

  #post(message: FromWorker, transfer?: ArrayBuffer[]): void {
    this.#options.port.post(message, transfer);
  }
}

async function weightOf(
  conversation: Conversation | undefined,
): Promise<SnapshotWeight | undefined> {
  try {
    using snapshot = await conversation?.context.repository.snapshot();
    return snapshot?.weight?.();
  } catch {
    // What cannot be weighed is not light.
    return undefined;
  }
}

function stateOf(
  conversation: Conversation | undefined,
  order: ErrandOrder,
): ErrandState {
  const { channel, haves, rounds } = conversation ??
    { ...order, channel: "lines" as const };
  return { channel, haves, rounds };
}
