/**
 * A thread in which passwords are checked, so that the one that serves sockets
 * goes on. It starts with the first, and ends when none has come for a while.
 *
 * @module
 */

import type { MessagePortLike } from "../core/host.ts";
import { checkAway, checkPassword } from "../server/access/bcrypt.ts";
import { startThread } from "../threads.ts";

/** To a thread; it answers with {@linkcode PasswordAnswer}. */
export interface PasswordMessage {
  /** Tells it from what other threads are asked. */
  readonly type: "password";
  /** The number of the question. */
  readonly id: number;
  /** What the client has sent. */
  readonly password: string;
  /** What is kept of the right one. */
  readonly hash: string;
}

/** From a thread that has checked a password. */
export interface PasswordAnswer {
  /** Tells it from what other threads say. */
  readonly type: "password-checked";
  /** The number of the question. */
  readonly id: number;
  /** What came of it; `undefined` where nothing did. */
  readonly isRight: boolean | undefined;
}

type FromThread = PasswordAnswer | { readonly type: "ready" };

/** So long a thread waits for the next password. */
const IDLE_MS = 2000;

/** Checks passwords in a thread, or here where none can be started. */
export class PasswordThread {
  #port: MessagePortLike | undefined;
  #count = 0;
  #idle: ReturnType<typeof setTimeout> | undefined;
  readonly #start: typeof startThread;
  /** Takes an answer, or hears that there will be none. */
  readonly #asked = new Map<number, (isRight: boolean | undefined) => void>();

  /** Starts nothing yet. */
  constructor(start: typeof startThread = startThread) {
    this.#start = start;
  }

  /** As `CheckPassword`. */
  async check(password: string, hash: string): Promise<boolean> {
    return await this.#ask(password, hash) ??
      await checkPassword(password, hash);
  }

  async #ask(password: string, hash: string): Promise<boolean | undefined> {
    clearTimeout(this.#idle);
    const id = ++this.#count;
    const { promise, resolve } = Promise.withResolvers<boolean | undefined>();
    this.#asked.set(id, resolve);
    try {
      this.#port ??= this.#start({
        onMessage: (message) => this.#take(message as FromThread),
        onError: () => this.#end(),
      });
      this.#port.post(
        { type: "password", id, password, hash } satisfies PasswordMessage,
      );
    } catch {
      // There are too many threads.
      this.#end();
    }
    const isRight = await promise;
    if (this.#asked.size === 0 && this.#port !== undefined) {
      clearTimeout(this.#idle);
      this.#idle = setTimeout(() => this.#end(), IDLE_MS);
    }
    return isRight;
  }

  #take(message: FromThread): void {
    if (message.type !== "password-checked") return;
    this.#asked.get(message.id)?.(message.isRight);
    this.#asked.delete(message.id);
  }

  /** Ends the thread; what it was asked and has not answered is done here. */
  #end(): void {
    this.#port?.close();
    this.#port = undefined;
    for (const resolve of this.#asked.values()) resolve(undefined);
    this.#asked.clear();
  }
}

/** In the thread: checks, with nobody to be held up. */
export async function answerPassword(
  { id, password, hash }: PasswordMessage,
): Promise<PasswordAnswer> {
  const type = "password-checked";
  try {
    return { type, id, isRight: await checkAway(password, hash) };
  } catch {
    // Whoever asked tries it again, where it can be told.
    return { type, id, isRight: undefined };
  }
}
