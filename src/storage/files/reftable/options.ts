/**
 * What git's configuration says of writing reftables.
 *
 * @see https://git-scm.com/docs/git-config#Documentation/git-config.txt-reftableblockSize
 * @module
 */

import { StorageError } from "../../../core/errors.ts";
import type { ConfigView } from "../../types.ts";
import type { TableLayout } from "./table_writer.ts";

/** How a stack is written. */
export interface ReftableOptions extends TableLayout {
  /** Each table is at least so many times as large as the next. */
  readonly geometricFactor: number;
  /** So long a lock is waited for; negative: for ever. */
  readonly lockTimeoutMs: number;
}

/**
 * The options that a configuration asks for, or git's own. Throws StorageError
 * "bad-config" where git would die.
 */
export function readReftableOptions(
  config: Pick<ConfigView, "boolean" | "integer">,
): ReftableOptions {
  const number = (key: string, usual: number, most: number): number => {
    const value = config.integer(`reftable.${key}`) ?? usual;
    if (value < 0 || value > most) {
      throw new StorageError(
        "bad-config",
        `bad numeric config value '${value}' for 'reftable.${key}'`,
      );
    }
    // git takes zero for "not said".
    return value === 0 ? usual : value;
  };
  const timeout = config.integer("reftable.locktimeout") ?? 100;
  if (timeout < -1) {
    throw new StorageError(
      "bad-config",
      "reftable lock timeout does not support negative values other than -1",
    );
  }
  return {
    blockSize: number("blocksize", 4096, 0xffffff),
    restartInterval: number("restartinterval", 16, 0xffff),
    indexObjects: config.boolean("reftable.indexobjects") ?? true,
    geometricFactor: number("geometricfactor", 2, 255),
    lockTimeoutMs: timeout,
  };
}
