/**
 * Paths of the command line.
 *
 * @module
 */

import type { ProcessIo } from "../core/process.ts";

/**
 * A path of the command line, from where we run; without "./", which would
 * stand in what the log and hooks are told.
 */
export function absolute(path: string, io: ProcessIo): string {
  return path.startsWith("/")
    ? path
    : `${io.cwd()}/${path.replace(/^(?:\.\/+)+|^\.$/, "")}`;
}
