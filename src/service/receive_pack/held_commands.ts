/**
 * How much the commands of all pushes of this thread come to. One push may
 * bring many, and takes some five times their bytes in memory; many pushes
 * that bring many at once would be more than a thread can have, and the
 * process ends with it.
 *
 * @module
 */

import { RefusedError } from "../../core/errors.ts";

const MIB = 1024 * 1024;
/** Room for two of the largest pushes, or some hundreds of large ones. */
const MOST_BYTES = 128 * MIB;
/** Ten thousand commands, which are taken whatever others hold. */
const FREE_BYTES = MIB;

/** The room that sessions share. */
export class CommandRoom {
  readonly #most: number;
  readonly #free: number;
  #bytes = 0;

  /** Room for `most` bytes in all, of which `free` are every session's own. */
  constructor(most: number, free: number) {
    this.#most = most;
    this.#free = free;
  }

  /** What one session takes of it; to be disposed of. */
  open(): HeldCommands {
    let own = 0;
    return {
      add: (bytes) => {
        own += bytes;
        this.#bytes += bytes;
        const isAlone = this.#bytes === own;
        if (isAlone || own <= this.#free || this.#bytes <= this.#most) return;
        throw new RefusedError(
          "too-many-commands",
          "receive-pack: too many commands of other pushes, try again later",
        );
      },
      [Symbol.dispose]: () => {
        this.#bytes -= own;
        own = 0;
      },
    };
  }
}

/** What one session holds. */
export interface HeldCommands extends Disposable {
  /** Holds more. Throws a RefusedError where there is no room. */
  add(bytes: number): void;
}

/** The room of this thread. */
export const COMMAND_ROOM: CommandRoom = new CommandRoom(
  MOST_BYTES,
  FREE_BYTES,
);
