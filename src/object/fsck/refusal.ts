/**
 * How an object is refused that does not pass git's checks.
 *
 * @module
 */

import { RefusedError } from "../../core/errors.ts";

/**
 * An object did not pass: the message is what git says behind "fatal: ", the
 * code "fsck-error".
 */
export class FsckRefusal extends RefusedError {
  /**
   * What git says before that, one line each, "error: " or "warning: " and
   * all: binary strings without control characters.
   */
  readonly lines: readonly string[];

  /** A refusal after `lines`. */
  constructor(message: string, lines: readonly string[]) {
    super("fsck-error", message);
    this.lines = lines;
  }
}
