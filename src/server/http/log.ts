/**
 * How failures of requests stand in the log.
 *
 * @module
 */

import { GitsrvError, messageOf, RefusedError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import { HttpError } from "./http_error.ts";

/** Logs why a session failed; what is nobody's fault says "BUG". */
export function logFailure(logger: Logger, error: unknown): void {
  if (!(error instanceof GitsrvError)) {
    const stack = error instanceof Error ? error.stack : undefined;
    logger.log("error", `BUG: ${stack ?? messageOf(error)}`);
    return;
  }
  const isAnswer = error instanceof RefusedError || error instanceof HttpError;
  const prefix = isAnswer ? "" : "fatal: ";
  const cause = error.cause === undefined ? "" : `: ${messageOf(error.cause)}`;
  const level = error.code === "closing" ? "info" : "error";
  logger.log(level, `${prefix}${error.message}${cause}`);
}
