/**
 * Errors by who must act. The class says whose turn it is, `code` which case
 * it is, `cause` what happened underneath. How each reaches a peer and the log
 * is decided in one place, `service/failure.ts`.
 *
 * @module
 */

/** What every error of ours carries besides its message. */
export abstract class GitsrvError extends Error {
  /** Which case this is: a short, stable, kebab-case name. */
  readonly code: string;

  /** An error of one case; `message` as its class says who reads it. */
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The peer broke the protocol. It reads the message, in git's words. */
export class ProtocolError extends GitsrvError {
  /** The name of the class. */
  override readonly name = "ProtocolError";
}

/** Policy said no. The peer reads the message, in git's words. */
export class RefusedError extends GitsrvError {
  /** The name of the class. */
  override readonly name = "RefusedError";
}

/** Our disk or a repository is at fault: the log gets the cause. */
export class StorageError extends GitsrvError {
  /** The name of the class. */
  override readonly name = "StorageError";
}

/** The person who started us gave an option or a path that cannot work. */
export class UsageError extends GitsrvError {
  /** The name of the class. */
  override readonly name = "UsageError";
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Closes a switch over a union: a new member fails to compile here. */
export function assertNever(value: never): never {
  throw new TypeError(`Unexpected value: ${String(value)}`);
}
