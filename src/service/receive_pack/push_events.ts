/**
 * The events of a push for callbacks of the program that serves it. What
 * happened is a value that can be cloned, since the conversation may run in
 * another thread than the callbacks.
 *
 * @module
 */

import { messageOf, RefusedError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { PushedRef } from "./push_hooks.ts";

/** The events that callbacks may hear, by the names of git's hooks. */
export type PushEventName = "pre-receive" | "update" | "post-receive";

/** What is known of a push. Can be cloned. */
export interface PushFacts {
  /** Where the repository is on disk, as git names it; "" where it is not. */
  readonly repository: string;
  /** The repository's path as the client has named it. */
  readonly path: string;
  /**
   * The refs: all of the push before it is received, one before that is
   * updated, and those that were updated after it.
   */
  readonly refs: readonly PushedRef[];
  /** The options that the client gave (`git push -o`). */
  readonly options: readonly string[];
  /** Who pushes, as in the log: "127.0.0.1:51234". */
  readonly peer: string;
  /** Its address alone, "" where there is none. */
  readonly address: string;
  /** Who that is, where the transport has found out: HTTP's user. */
  readonly user?: string;
}

/** What a callback is told of a push. */
export interface PushEvent extends PushFacts {
  /** Aborts when the session ends, or the time for hooks is over. */
  readonly signal: AbortSignal;
}

/**
 * Callbacks that hear of pushes. The first two refuse by throwing a
 * {@linkcode RefusedError}, whose message the client sees; whatever else they
 * throw refuses as well, the client sees "internal error", and the log the
 * cause. A repository's own hooks are asked before them, of each event.
 *
 * @example Keep one branch as it is
 * ```ts
 * import assert from "node:assert/strict";
 * import { type PushCallbacks, RefusedError, SHA1 } from "@gitsrv/gitsrv";
 * import { DictBackend, MemoryRepository, serveTcp } from "@gitsrv/gitsrv";
 *
 * const callbacks: PushCallbacks = {
 *   onUpdate({ refs }) {
 *     for (const { name, old, new: next } of refs) {
 *       if (name !== "refs/heads/release" || old === SHA1.zero) continue;
 *       const what = next === SHA1.zero ? "stays" : "is frozen";
 *       throw new RefusedError("frozen", `release ${what} until Monday`);
 *     }
 *   },
 *   async onPostReceive({ path, refs, peer }) {
 *     await Promise.resolve(`${peer} has changed ${refs.length} of ${path}`);
 *   },
 * };
 *
 * const backend = new DictBackend({ "hello.git": new MemoryRepository() });
 * const server = await serveTcp({ backend, port: 0, ...callbacks });
 * assert.ok(server.port > 0);
 * await server.close();
 * ```
 */
export interface PushCallbacks {
  /**
   * Before anything of a push is visible: refuses all of it. Its objects
   * cannot be read yet.
   */
  readonly onPreReceive?: (event: PushEvent) => void | Promise<void>;
  /** Before each ref is updated, the objects being there: refuses that one. */
  readonly onUpdate?: (event: PushEvent) => void | Promise<void>;
  /** After the refs were updated, and the client was told so. */
  readonly onPostReceive?: (event: PushEvent) => void | Promise<void>;
}

/** What a callback has made of an event. Can be cloned. */
export interface PushVerdict {
  /** Whether it may go on. */
  readonly isAccepted: boolean;
  /** What the client is told, a text; "" for nothing. */
  readonly message: string;
}

/** What is at hand where an event is told. */
export interface TellingContext {
  /** Ends the session. */
  readonly signal: AbortSignal;
  /** The log of the session. */
  readonly logger: Logger;
}

/** Whoever hears of pushes, in this thread or in another. */
export interface PushListeners {
  /** The events that are heard; others need not be told. */
  readonly heard: readonly PushEventName[];
  /** Rejects where the session was ended, and then alone. */
  tell(
    event: PushEventName,
    facts: PushFacts,
    context: TellingContext,
  ): Promise<PushVerdict>;
}

const ACCEPTED: PushVerdict = { isAccepted: true, message: "" };

/**
 * The callbacks as listeners; `undefined` where there are none. A call may
 * take `timeoutMs`; 0 is no limit.
 */
export function callbackListeners(
  callbacks: PushCallbacks,
  timeoutMs: number,
): PushListeners | undefined {
  const table: readonly (readonly [
    PushEventName,
    PushCallbacks["onUpdate"],
  ])[] = [
    ["pre-receive", callbacks.onPreReceive],
    ["update", callbacks.onUpdate],
    ["post-receive", callbacks.onPostReceive],
  ];
  const heard = table.filter(([, callback]) => callback !== undefined);
  if (heard.length === 0) return undefined;
  return {
    heard: heard.map(([name]) => name),
    async tell(event, facts, { signal, logger }) {
      const callback = heard.find(([name]) => name === event)?.[1];
      if (callback === undefined) return ACCEPTED;
      try {
        await withinTime(
          (limited) => callback({ ...facts, signal: limited }),
          { event, timeoutMs, signal },
        );
        return ACCEPTED;
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof RefusedError) {
          return { isAccepted: false, message: error.message };
        }
        const stack = error instanceof Error ? error.stack : undefined;
        logger.log("error", `${event} callback: ${stack ?? messageOf(error)}`);
        return { isAccepted: false, message: "internal error" };
      }
    },
  };
}

/** Calls with a signal that ends in time, and waits no longer than that. */
async function withinTime(
  call: (signal: AbortSignal) => void | Promise<void>,
  limits: {
    readonly event: PushEventName;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { event, timeoutMs, signal } = limits;
  signal.throwIfAborted();
  const ending = new AbortController();
  const over = Promise.withResolvers<never>();
  over.promise.catch(() => {});
  const end = (reason: unknown) => {
    ending.abort(reason);
    over.reject(reason);
  };
  const abort = () => end(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  const timer = timeoutMs === 0 ? undefined : setTimeout(
    () => end(new Error(`${event} took more than ${timeoutMs / 1000} s`)),
    timeoutMs,
  );
  try {
    await Promise.race([call(ending.signal), over.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}
