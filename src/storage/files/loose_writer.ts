/**
 * Writes loose objects into a quarantine.
 *
 * @see https://git-scm.com/docs/gitrepository-layout
 * @module
 */

import type { Oid } from "../../core/oid.ts";
import { type WritableFile, writeAll } from "../../core/write_files.ts";
import { encodeObjectHeader } from "../../object/raw.ts";
import type { ObjectData } from "../types.ts";
import {
  allSettled,
  closeAll,
  ensureDirectory,
  type ObjectWriting,
  turn,
} from "./object_writing.ts";
import { joinPath } from "./paths.ts";
import { hasCode } from "./system_words.ts";

/** Files that are pressed to the disk at a time. */
const FILES_AT_ONCE = 32;
/** Bytes of objects between two turns of others. */
const BYTES_PER_TURN = 1024 * 1024;

/**
 * Writes `objects` as loose ones into the quarantine at `directory`, each
 * once, as far to the disk as is asked; returns their names, relative to it.
 */
export async function writeLoose(
  writing: ObjectWriting,
  directory: string,
  objects: Iterable<readonly [Oid, () => ObjectData]>,
): Promise<readonly string[]> {
  const { fsync } = writing;
  const names: string[] = [];
  const open: WritableFile[] = [];
  const finish = async () => {
    try {
      if (fsync.looseObject) await allSettled(open.map((file) => file.sync()));
    } finally {
      closeAll(open.splice(0));
    }
  };
  let bytes = 0;
  try {
    for (const [oid, read] of objects) {
      const name = `${oid.slice(0, 2)}/${oid.slice(2)}`;
      const object = read();
      const file = createLoose(writing, directory, name);
      if (file === undefined) continue;
      open.push(file);
      names.push(name);
      writeAll(file, compressed(writing, object), 0);
      bytes += object.data.length;
      if (open.length === FILES_AT_ONCE) await finish();
      if (bytes > BYTES_PER_TURN) {
        bytes = 0;
        await turn();
      }
    }
  } finally {
    await finish();
  }
  return names;
}

/** A new file in its directory, which is made; `undefined` where it is there. */
function createLoose(
  writing: ObjectWriting,
  directory: string,
  name: string,
): WritableFile | undefined {
  const { files } = writing;
  const path = joinPath(directory, name);
  for (let isNew = false;;) {
    try {
      return files.create(path, 0o444);
    } catch (error) {
      if (hasCode(error, "EEXIST")) return undefined;
      if (isNew || !hasCode(error, "ENOENT")) throw error;
      ensureDirectory(writing, path.slice(0, path.lastIndexOf("/")));
      isNew = true;
    }
  }
}

/** What the file of a loose object holds. */
export function compressed(
  { kernels }: ObjectWriting,
  { kind, data }: ObjectData,
): Uint8Array {
  const header = encodeObjectHeader(kind, data.length);
  const bytes = new Uint8Array(header.length + data.length);
  bytes.set(header);
  bytes.set(data, header.length);
  return kernels.deflate(bytes);
}
