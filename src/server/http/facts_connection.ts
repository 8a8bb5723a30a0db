/**
 * The connection of a session that answers with a file: one packet says what
 * the answer will be, everything behind it is the answer's body. A small body
 * is kept until it is whole: then it has a length on every runtime (Bun gives
 * none to streams), and what fails on the way is still told by a status.
 *
 * @module
 */

import { concatBytes, EMPTY_BYTES, toBinary } from "../../core/bytes.ts";
import type { Connection } from "../../core/host.ts";
import type { HttpPeer } from "../../core/http_host.ts";
import type { PlainFacts } from "../../service/plain_order.ts";
import type { AnswerBody } from "./answer_body.ts";

const LENGTH_DIGITS = 4;
/** Bodies up to this size are not streamed: answers hold as much at once. */
const SMALL_BYTES = 64 * 1024;

/** Takes the facts from what is written, and hands on the rest. */
export class FactsConnection implements Connection {
  readonly peer: string;
  readonly address: string;
  /** What the answer will be; rejects where that cannot be found out. */
  readonly facts: Promise<PlainFacts>;
  readonly #answer: AnswerBody;
  readonly #told = Promise.withResolvers<PlainFacts>();
  /** The packet, as far as it has come; `undefined` once it was read. */
  #packet: Uint8Array | undefined = EMPTY_BYTES;
  /** Bytes of the body that were announced and are still to come. */
  #awaited = Infinity;
  /** A small body, as far as it has come. */
  #small: Uint8Array[] | undefined;

  /** Nothing was written yet. */
  constructor(peer: HttpPeer, answer: AnswerBody) {
    this.peer = peer.peer;
    this.address = peer.address;
    this.#answer = answer;
    this.facts = this.#told.promise;
    this.facts.catch(() => {});
  }

  get sent(): number {
    return this.#answer.sent;
  }

  /** Nothing more comes from who has asked. */
  read(): Promise<number> {
    return Promise.resolve(0);
  }

  async write(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const rest = this.#packet === undefined ? bytes : this.#take(bytes);
    if (rest.length === 0) return;
    this.#awaited -= rest.length;
    if (this.#small === undefined) await this.#answer.write(rest, signal);
    else this.#small.push(rest.slice());
  }

  /** The answer is whole, unless less has come than was told. */
  end(): void {
    if (this.#awaited !== 0 && this.#awaited !== Infinity) {
      return this.fail(new Error("The answer has another length"));
    }
    this.#told.reject(new Error("Nothing was told of the answer"));
    if (this.#small !== undefined && this.#small.length > 0) {
      // It is held, and not waited for.
      void this.#answer.write(concatBytes(this.#small));
    }
    this.#answer.end();
  }

  /** The answer cannot be had, or not all of it: it is broken off. */
  fail(reason: unknown): void {
    this.#told.reject(reason);
    this.#answer.fail(reason);
  }

  closeWrite(): Promise<void> {
    this.end();
    return Promise.resolve();
  }

  close(): void {
    this.fail(new Error("Connection is closed"));
  }

  /** What stands behind the packet. */
  #take(bytes: Uint8Array): Uint8Array {
    const all = concatBytes([this.#packet ?? EMPTY_BYTES, bytes]);
    const length = all.length < LENGTH_DIGITS
      ? Infinity
      : parseInt(toBinary(all, 0, LENGTH_DIGITS), 16);
    if (all.length < length) {
      this.#packet = all;
      return EMPTY_BYTES;
    }
    this.#packet = undefined;
    const text = toBinary(all, LENGTH_DIGITS, length);
    const facts = JSON.parse(text) as PlainFacts;
    this.#awaited = (facts.end ?? Infinity) - facts.start;
    if (this.#awaited <= SMALL_BYTES) this.#small = [];
    this.#told.resolve(facts);
    return all.subarray(length);
  }
}
