/**
 * Repositories in memory, with the kernels of this process.
 *
 * @module
 */

import {
  MemoryRepository as MemoryStore,
  type MemoryRepositoryInit,
} from "../storage/memory/memory_repository.ts";
import { defaultKernels } from "./kernels.ts";

/** Options of a {@linkcode MemoryRepository}. */
export type MemoryRepositoryOptions = Omit<MemoryRepositoryInit, "kernels">;

/**
 * A repository in memory: for programs that serve what they compute, and for
 * tests. It starts empty, with HEAD on `refs/heads/main`. Whatever is added is
 * checked, so that what it serves passes `git fsck`.
 *
 * @example One file, one commit
 * ```ts
 * import assert from "node:assert/strict";
 * import { MemoryRepository } from "@gitsrv/gitsrv";
 *
 * const repository = new MemoryRepository();
 * const oid = repository.addBlob("hello\n");
 * const tree = repository.addTree([{ mode: 0o100644, name: "hello", oid }]);
 * const commit = repository.addCommit({
 *   tree,
 *   author: { name: "A", email: "a@example.com", time: 1_767_225_600 },
 *   message: "Say hello\n",
 * });
 * repository.setRef("refs/heads/main", commit);
 * assert.equal(oid, "ce013625030ba8dba906f756967f9e9ca394464a");
 * ```
 */
export class MemoryRepository extends MemoryStore {
  /** An empty repository. */
  constructor(options: MemoryRepositoryOptions = {}) {
    super({ ...options, kernels: defaultKernels() });
  }
}
