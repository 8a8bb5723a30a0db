/**
 * Values that are made when they are first asked for: tables that cost more
 * than the start of a short session can spare.
 *
 * @module
 */

/** A function that gives what `make` gave at its first call. */
export function once<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => made ??= make();
}
