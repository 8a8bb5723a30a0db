/**
 * What web servers that know nothing of git hand out to its clients, of any
 * repository, and the files of those on disk.
 *
 * @module
 */

import { fromBinary } from "../core/bytes.ts";
import { StorageError } from "../core/errors.ts";
import { currentDirectory } from "../runtime/process.ts";
import { plainRefLines } from "../service/plain_refs.ts";
import type { Repository } from "../storage/types.ts";
import type {
  ServerInfoOptions,
  ServerInfoOutcome,
} from "../storage/writes.ts";
import { FileSystemBackend, type FileSystemBackendOptions } from "./files.ts";

/** How {@linkcode updateServerInfo} works. */
export interface UpdateServerInfoOptions
  extends ServerInfoOptions, FileSystemBackendOptions {}

/**
 * The bytes of `info/refs`: every ref with its object, and behind an annotated
 * tag what it leads to. Refs whose object is lost are left out.
 *
 * @example The refs of a repository in memory
 * ```ts
 * import assert from "node:assert/strict";
 * import { infoRefs, MemoryRepository } from "@gitsrv/gitsrv";
 *
 * const repository = new MemoryRepository();
 * const oid = repository.addBlob("hello\n");
 * repository.setRef("refs/tags/hello", oid);
 * const text = new TextDecoder().decode(await infoRefs(repository));
 * assert.equal(text, `${oid}\trefs/tags/hello\n`);
 * ```
 */
export async function infoRefs(repository: Repository): Promise<Uint8Array> {
  using snapshot = await repository.snapshot();
  return fromBinary([...plainRefLines(snapshot)].join(""));
}

/**
 * The bytes of `objects/info/packs`: the names of the repository's own packs,
 * in the order of that file where there is one. One that has no files for its
 * packs, as in memory, lists none.
 *
 * @example No packs
 * ```ts
 * import assert from "node:assert/strict";
 * import { MemoryRepository, objectsInfoPacks } from "@gitsrv/gitsrv";
 *
 * const bytes = objectsInfoPacks(new MemoryRepository());
 * assert.equal(new TextDecoder().decode(bytes), "\n");
 * ```
 */
export function objectsInfoPacks(repository: Repository): Uint8Array {
  return fromBinary(repository.infoPacks?.() ?? "\n");
}

/**
 * Writes `info/refs` and `objects/info/packs` of the repository at a
 * directory, as `git update-server-info` does: those that would change, each
 * in one step. Rejects with a RefusedError where there is no repository.
 *
 * @example After a repository has changed
 * ```ts ignore
 * import { updateServerInfo } from "@gitsrv/gitsrv";
 *
 * const { failures } = await updateServerInfo("./site/hello.git");
 * for (const { file, why } of failures) console.error(file, why);
 * ```
 */
export async function updateServerInfo(
  directory: string,
  options: UpdateServerInfoOptions = {},
): Promise<ServerInfoOutcome> {
  const path = directory.startsWith("/")
    ? directory
    : `${currentDirectory()}/${directory}`;
  const backend = new FileSystemBackend("/", options);
  const repository = await backend.openDirectory(path, "suffixes");
  return await writeInfo(repository, options);
}

/** The same for a repository that is open. */
export async function writeInfo(
  repository: Repository,
  options: ServerInfoOptions,
): Promise<ServerInfoOutcome> {
  const writer = await repository.writer?.();
  const outcome = await writer?.updateServerInfo?.(options);
  if (outcome !== undefined) return outcome;
  throw new StorageError("read-only", "the repository has no files to write");
}
