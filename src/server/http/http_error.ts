/**
 * A request that is answered by a status.
 *
 * @module
 */

import { ProtocolError } from "../../core/errors.ts";

/** Something is wrong with a request, and this is the answer. */
export class HttpError extends ProtocolError {
  /** The status. */
  readonly status: number;
  /** Headers beside the usual ones. */
  readonly headers: Readonly<Record<string, string>>;

  /** `message` is one line, for the client and the log. */
  constructor(
    status: number,
    code: string,
    message: string,
    options: ErrorOptions & {
      readonly headers?: Readonly<Record<string, string>>;
    } = {},
  ) {
    super(code, message, options);
    this.status = status;
    this.headers = options.headers ?? {};
  }
}
