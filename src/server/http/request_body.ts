/**
 * The body of a request as something that a session reads from, out of its
 * content coding and within bounds. What is wrong with it is told by a status,
 * not by the session.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#name-content-encoding
 * @module
 */

import { StreamSource } from "../stream_connection.ts";
import { gunzip } from "./gunzip.ts";
import { HttpError } from "./http_error.ts";

/** The content codings that are taken; http-backend.c: run_service. */
const CODINGS: readonly string[] = ["gzip", "x-gzip"];
/** Out of its coding, so much may be anything's. */
const FREE_BYTES = 16 * 1024 * 1024;
/** More than that is so many times as long as it was sent, at most. */
const MAX_RATIO = 32;
/** Coded bodies of up to so much are looked at to their end before they are
 * used, so that a bad one has no effect. */
const HOLD_BYTES = 1024 * 1024;

/** What a request's body may come to, bytes; Infinity is no limit. */
export interface BodyLimits {
  /** As it is sent. */
  readonly raw: number;
  /** Out of its coding. */
  readonly decoded: number;
}

/** Reads a request's body. */
export class RequestBody {
  readonly #source: StreamSource;
  readonly #limits: BodyLimits;
  readonly #isCoded: boolean;
  /** What was read ahead, in order. */
  #held: Uint8Array[] = [];
  #isHeld: boolean;
  #raw = 0;
  #failure: HttpError | undefined;

  /** Throws an HttpError 415 for an unknown coding, 413 for a known length. */
  constructor(request: Request, limits: BodyLimits) {
    const coding = request.headers.get("content-encoding")?.trim()
      .toLowerCase() ?? "";
    this.#isCoded = CODINGS.includes(coding);
    this.#isHeld = !this.#isCoded;
    if (!this.#isCoded && coding !== "" && coding !== "identity") {
      throw new HttpError(
        415,
        "content-encoding",
        "Unsupported Content-Encoding: only gzip is taken",
      );
    }
    const length = request.headers.get("content-length");
    if (length !== null && Number(length) > limits.raw) {
      throw tooLarge(limits.raw);
    }
    this.#limits = limits;
    const body = request.body ?? new Blob([]).stream();
    this.#source = new StreamSource(
      this.#isCoded
        ? gunzip(body, {
          onRaw: (total) => this.#checkRaw(total),
          onDecoded: (total) => this.#checkDecoded(total),
        })
        : body,
    );
  }

  /** What was found wrong with the body, if something was. */
  get failure(): HttpError | undefined {
    return this.#failure;
  }

  /** As {@linkcode Connection.read}; throws an HttpError for a bad body. */
  async read(into: Uint8Array, signal?: AbortSignal): Promise<number> {
    try {
      if (!this.#isHeld) await this.#hold(signal);
      const held = this.#takeHeld(into);
      if (held > 0) return held;
      const count = await this.#source.read(into, signal);
      if (!this.#isCoded) this.#checkRaw(this.#raw + count);
      return count;
    } catch (cause) {
      if (this.#failure !== undefined) throw this.#failure;
      if (!this.#isCoded || signal?.aborted === true) throw cause;
      throw this.#fail(
        new HttpError(400, "bad-gzip", "Bad request body: not whole gzip", {
          cause,
        }),
      );
    }
  }

  /** Takes no more. Idempotent; never throws. */
  close(): void {
    this.#source.close();
  }

  async #hold(signal: AbortSignal | undefined): Promise<void> {
    this.#isHeld = true;
    const buffer = new Uint8Array(64 * 1024);
    for (let total = 0; total < HOLD_BYTES;) {
      const count = await this.#source.read(buffer, signal);
      if (count === 0) return;
      this.#held.push(buffer.slice(0, count));
      total += count;
    }
  }

  #takeHeld(into: Uint8Array): number {
    const head = this.#held[0];
    if (head === undefined) return 0;
    const count = Math.min(head.length, into.length);
    into.set(head.subarray(0, count));
    if (count < head.length) this.#held[0] = head.subarray(count);
    else this.#held.shift();
    return count;
  }

  #checkRaw(total: number): void {
    this.#raw = total;
    const { raw } = this.#limits;
    if (total > raw) throw this.#fail(tooLarge(raw));
  }

  #checkDecoded(total: number): void {
    const most = Math.min(
      this.#limits.decoded,
      Math.max(FREE_BYTES, this.#raw * MAX_RATIO),
    );
    if (total > most) throw this.#fail(tooLarge(most));
  }

  #fail(error: HttpError): HttpError {
    this.#failure ??= error;
    return error;
  }
}

function tooLarge(limit: number): HttpError {
  return new HttpError(
    413,
    "body-too-large",
    `request was larger than our maximum size (${limit})`,
  );
}
