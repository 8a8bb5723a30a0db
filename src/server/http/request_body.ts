/**
 * The body of a request as something that a session reads from, out of its
 * content coding and within bounds. What is wrong with it is told by a status,
 * not by the session.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#name-content-encoding
 * @module
 */

import { StreamSource } from "../stream_connection.ts";
import { HttpError } from "./http_error.ts";

/** The content codings that are taken; http-backend.c: run_service. */
const CODINGS: readonly string[] = ["gzip", "x-gzip"];

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
  #taken = 0;
  #failure: HttpError | undefined;

  /** Throws an HttpError 415 for an unknown coding, 413 for a known length. */
  constructor(request: Request, limits: BodyLimits) {
    const coding = request.headers.get("content-encoding")?.trim()
      .toLowerCase() ?? "";
    this.#isCoded = CODINGS.includes(coding);
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
        ? body.pipeThrough(this.#counted())
          .pipeThrough(new DecompressionStream("gzip"))
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
      const count = await this.#source.read(into, signal);
      this.#taken += count;
      const { raw, decoded } = this.#limits;
      const most = this.#isCoded ? decoded : raw;
      if (this.#taken > most) throw this.#fail(tooLarge(most));
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

  #counted(): TransformStream<
    Uint8Array<ArrayBuffer>,
    Uint8Array<ArrayBuffer>
  > {
    let bytes = 0;
    const { raw } = this.#limits;
    return new TransformStream({
      transform: (chunk, controller) => {
        bytes += chunk.length;
        if (bytes <= raw) controller.enqueue(chunk);
        else controller.error(this.#fail(tooLarge(raw)));
      },
    });
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
