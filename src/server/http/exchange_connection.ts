/**
 * One request and its answer as the connection of a session.
 *
 * @module
 */

import type { Connection } from "../../core/host.ts";
import type { HttpPeer } from "../../core/http_host.ts";
import type { AnswerBody } from "./answer_body.ts";

/** Where a session's input comes from. */
export interface SessionInput {
  /** As {@linkcode Connection.read}. */
  read(into: Uint8Array, signal?: AbortSignal): Promise<number>;
  /** Takes no more. Idempotent; never throws. */
  close(): void;
}

/** A request without a body. */
export const NO_INPUT: SessionInput = {
  read: () => Promise.resolve(0),
  close() {},
};

/** What a session reads is the request's body, what it writes the answer's. */
export class ExchangeConnection implements Connection {
  readonly peer: string;
  readonly address: string;
  readonly #input: SessionInput;
  readonly #answer: AnswerBody;

  /** Joins the two. */
  constructor(peer: HttpPeer, input: SessionInput, answer: AnswerBody) {
    this.peer = peer.peer;
    this.address = peer.address;
    this.#input = input;
    this.#answer = answer;
  }

  get sent(): number {
    return this.#answer.sent;
  }

  read(into: Uint8Array, signal?: AbortSignal): Promise<number> {
    return this.#input.read(into, signal);
  }

  async write(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await this.#answer.write(bytes, signal);
  }

  closeWrite(): Promise<void> {
    this.#answer.end();
    return Promise.resolve();
  }

  close(): void {
    this.#input.close();
    this.#answer.fail(new Error("Connection is closed"));
  }
}
