/**
 * Which packs `objects/info/packs` names, and in which order (server-info.c).
 *
 * @module
 */

import { toBinary } from "../../core/bytes.ts";
import type { FileSystem } from "../../core/host.ts";
import { plainPacksText } from "../../object/plain_lines.ts";
import { joinPath } from "./paths.ts";
import { quietly } from "./quietly.ts";

const MAX_INFO_BYTES = 1024 * 1024 * 1024;

/**
 * The text of `objects/info/packs`, as it would be written: packs that the file
 * lists already keep their order.
 */
export function packsText(files: FileSystem, objectsDir: string): string {
  const path = joinPath(objectsDir, "info/packs");
  const old = quietly(() => readInfo(files, path));
  return plainPacksText(packOrder(ownPacks(files, objectsDir), old, []));
}

/** A file of those that servers hand out. */
export function readInfo(
  files: FileSystem,
  path: string,
): Uint8Array | undefined {
  return files.read(path, MAX_INFO_BYTES);
}

/** The names of the repository's own packs, in the order of the directory. */
export function ownPacks(files: FileSystem, objectsDir: string): string[] {
  const directory = joinPath(objectsDir, "pack");
  const listed = files.listStored?.(directory) ?? files.list(directory)?.names;
  const names = new Set(listed);
  return [...names].filter((name) => name.endsWith(".idx"))
    .map((name) => name.replace(/\.idx$/, ".pack"))
    .filter((name) => names.has(name));
}

/**
 * Those that are listed already in their order, unless one of them is gone,
 * then the others (server-info.c: read_pack_info_file, compare_info).
 */
export function packOrder(
  packs: readonly string[],
  old: Uint8Array | undefined,
  complaints: string[],
): Iterable<string> {
  const there = new Set(packs);
  const listed = new Set<string>();
  const lines = old === undefined ? [] : toBinary(old).split("\n");
  for (const line of lines.map((line) => line.replace(/\r$/, ""))) {
    if (line.startsWith("P ")) {
      const name = line.slice(2);
      if (!there.has(name)) return packs;
      // The last mention counts.
      listed.delete(name);
      listed.add(name);
    } else if (/^[DT]/.test(line)) return packs;
    else if (line !== "") complaints.push(`unrecognized: ${line}`);
  }
  return new Set([...listed, ...packs]);
}
