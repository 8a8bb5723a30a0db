/**
 * The refs of a repository on disk whose `extensions.refStorage` is
 * "reftable", to read.
 *
 * @see https://git-scm.com/docs/reftable
 * @module
 */

import { fromBinary, toHex, utf8ToBinary } from "../../../core/bytes.ts";
import type { FileSystem } from "../../../core/host.ts";
import { type ObjectFormat, SHA1 } from "../../../core/oid.ts";
import type { Kernels } from "../../../kernels/types.ts";
import type { RefSnapshot, RefStore } from "../../types.ts";
import type { Complaints } from "../complaints.ts";
import type { Layout } from "../layout.ts";
import { joinPath } from "../paths.ts";
import type { Now } from "../stamp.ts";
import { ReftableSnapshot } from "./merged.ts";
import { ReftableStack, type StackTables } from "./stack.ts";

/**
 * So many bytes of decoded refs are kept for a repository: more than a million
 * refs. What goes beyond is decoded again when it is listed.
 */
export const MAX_DECODED_BYTES: number = 128 * 1024 * 1024;

/** What a {@linkcode ReftableRefStore} is made from. */
export interface ReftableRefStoreInit {
  /** Where to read. */
  readonly fileSystem: FileSystem;
  /** Where the repository is. */
  readonly layout: Layout;
  /** The format of its ids. */
  readonly format: ObjectFormat;
  /** Where badly named refs are told. */
  readonly complaints: Complaints;
  /** The time. */
  readonly now: Now;
  /** For checksums, and the identity of snapshots. */
  readonly kernels: Pick<Kernels, "crc32" | "hash">;
  /** {@linkcode MAX_DECODED_BYTES} unless told. */
  readonly maxDecodedBytes?: number;
}

/** The refs of one repository, or of one of its linked worktrees. */
export class ReftableRefStore implements RefStore {
  readonly #kernels: Pick<Kernels, "hash">;
  /** The repository's stack. */
  readonly common: ReftableStack;
  /** That of a linked worktree, for its HEAD and its own refs. */
  readonly worktree: ReftableStack | undefined;
  #last: {
    readonly snapshot: RefSnapshot;
    readonly common: StackTables;
    readonly worktree: StackTables | undefined;
  } | undefined;

  /** Reads nothing yet. */
  constructor(init: ReftableRefStoreInit) {
    const { layout } = init;
    const budget = { left: init.maxDecodedBytes ?? MAX_DECODED_BYTES };
    const stackIn = (directory: string): ReftableStack =>
      new ReftableStack({
        ...init,
        budget,
        directory: joinPath(directory, "reftable"),
      });
    this.#kernels = init.kernels;
    this.common = stackIn(layout.commonDir);
    this.worktree = layout.gitDir === layout.commonDir
      ? undefined
      : stackIn(layout.gitDir);
  }

  /** The refs now. Throws StorageError as {@linkcode ReftableStack.read}. */
  read(): Promise<RefSnapshot> {
    return new Promise((resolve) => resolve(this.readNow()));
  }

  /** As {@linkcode ReftableRefStore.read}, at once. */
  readNow(): RefSnapshot {
    // HEAD before what it names.
    const worktree = this.worktree?.read();
    const common = this.common.read();
    const last = this.#last;
    if (last?.common === common && last.worktree === worktree) {
      return last.snapshot;
    }
    const hash = this.#kernels.hash(SHA1);
    hash.update(fromBinary(utf8ToBinary(`${common.id}\n\n${worktree?.id}`)));
    const snapshot = new ReftableSnapshot({
      id: toHex(hash.digest()),
      common: common.tables,
      worktree: worktree?.tables,
    });
    this.#last = { snapshot, common, worktree };
    return snapshot;
  }
}
