/**
 * The git:// server: accepts connections, gives each a session, keeps their
 * number within bounds, and ends them when it is told to. What a session does
 * is `session.ts`.
 *
 * @module
 */

import { messageOf, RefusedError } from "../core/errors.ts";
import type { Connection, Listener } from "../core/host.ts";
import { closeGently, sendError } from "./farewell.ts";
import { withFields } from "./log.ts";
import { runSession } from "./session.ts";
import type { SessionContext } from "./session_context.ts";

/** Refused connections that may linger until they have read why. */
const LINGERING_MAX = 64;
/** How long aborted sessions may take to leave before they are cut off. */
const ABORT_MS = 1000;

/** How to make a {@linkcode Daemon}. */
export interface DaemonOptions {
  /** Where connections come from; the daemon closes them. */
  readonly listeners: readonly Listener[];
  /** What the sessions share. */
  readonly context: SessionContext;
}

interface Running {
  readonly connection: Connection;
  readonly ending: AbortController;
  hasRequest: boolean;
}

/** A git:// server that accepts connections from its making on. */
export class Daemon {
  /** Resolves when nothing listens and every session has ended. */
  readonly finished: Promise<void>;
  #listeners: readonly Listener[];
  #context: SessionContext;
  #running = new Map<number, Running>();
  #sessions = new Set<Promise<void>>();
  #count = 0;
  #lingering = 0;
  #isDraining = false;
  #cutOff = Promise.withResolvers<void>();

  /** Accepts from now on; takes the listeners. */
  constructor(options: DaemonOptions) {
    this.#listeners = options.listeners;
    this.#context = options.context;
    const loops = this.#listeners.map((listener) => this.#accept(listener));
    this.finished = Promise.all(loops).then(() => this.#settled());
  }

  /** How many sessions are running. */
  get active(): number {
    return this.#running.size;
  }

  /**
   * Stops listening and lets the sessions finish, those without a request
   * excepted. What still runs after the limit `drainMs` is aborted. Idempotent.
   */
  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    for (const listener of this.#listeners) listener.close();
    const closing = new RefusedError("closing", "the server is shutting down");
    let waiting = 0;
    for (const { ending, hasRequest } of this.#running.values()) {
      if (hasRequest) waiting++;
      else ending.abort(closing);
    }
    const { logger, limits: { drainMs } } = this.#context;
    if (waiting > 0 && drainMs > 0) {
      const whom = waiting === 1 ? "1 session" : `${waiting} sessions`;
      const words = `Waiting up to ${drainMs / 1000} s for ${whom}`;
      logger.log("info", words, { waiting });
    }
    const timer = setTimeout(() => this.abort(), drainMs);
    void this.finished.then(() => clearTimeout(timer));
  }

  /** Stops listening and aborts every session. Idempotent. */
  abort(): void {
    this.#isDraining = true;
    for (const listener of this.#listeners) listener.close();
    const reason = new RefusedError("aborted", "the server is shutting down");
    for (const { ending } of this.#running.values()) ending.abort(reason);
    const timer = setTimeout(() => {
      for (const { connection } of this.#running.values()) connection.close();
      this.#sessions.clear();
      this.#cutOff.resolve();
    }, ABORT_MS);
    void this.finished.then(() => clearTimeout(timer));
  }

  async #accept(listener: Listener): Promise<void> {
    for (;;) {
      const connection = await listener.accept();
      if (connection === undefined) return;
      const session = this.#isDraining
        ? Promise.resolve(connection.close())
        : this.#seat(connection);
      this.#sessions.add(session);
      void session.then(() => this.#sessions.delete(session));
    }
  }

  async #seat(connection: Connection): Promise<void> {
    const leave = this.#context.seats.take();
    if (leave === undefined) return await this.#refuse(connection);
    await this.#serve(connection);
    leave();
  }

  async #serve(connection: Connection): Promise<void> {
    const id = ++this.#count;
    const { logger } = this.#context;
    const running: Running = {
      connection,
      ending: new AbortController(),
      hasRequest: false,
    };
    this.#running.set(id, running);
    const own = withFields(logger, { session: id });
    own.log("info", `Connection from ${connection.peer}`);
    try {
      const outcome = await runSession(connection, this.#context, {
        logger: own,
        signal: running.ending.signal,
        onRequest: () => {
          running.hasRequest = true;
        },
      });
      const how = outcome === "done" ? "" : " (with error)";
      logger.log("info", `[${id}] Disconnected${how}`);
    } catch (error) {
      own.log("error", `BUG: ${messageOf(error)}`);
      connection.close();
    } finally {
      this.#running.delete(id);
    }
  }

  async #refuse(connection: Connection): Promise<void> {
    this.#context.logger.log(
      "error",
      `Too many connections, dropping connection from ${connection.peer}`,
    );
    if (this.#lingering >= LINGERING_MAX) {
      connection.close();
      return;
    }
    this.#lingering++;
    await sendError(connection, "too many connections, try later");
    await closeGently(connection);
    this.#lingering--;
  }

  async #settled(): Promise<void> {
    while (this.#sessions.size > 0) {
      await Promise.race([
        Promise.all(this.#sessions),
        this.#cutOff.promise,
      ]);
    }
  }
}
