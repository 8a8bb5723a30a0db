/**
 * The files that let a repository be fetched as plain files, over a server
 * that knows nothing of git: `info/refs` and `objects/info/packs`, as
 * `git update-server-info` writes them (server-info.c).
 *
 * @see https://git-scm.com/docs/git-update-server-info
 * @module
 */

import { equalBytes, fromBinary, toBinary } from "../../core/bytes.ts";
import { plainPacksText, plainRefLine } from "../../object/plain_lines.ts";
import type { Snapshot } from "../types.ts";
import { ensureDirectory, type ObjectWriting, turn } from "./object_writing.ts";
import { joinPath, parentPath } from "./paths.ts";
import type { LockJournal } from "./lock_journal.ts";
import { hasCode } from "./system_words.ts";
import { replaceFile } from "./replace_file.ts";
import { createTemporary } from "./temporary.ts";

const MAX_INFO_BYTES = 1024 * 1024 * 1024;
const REFS_PER_TURN = 4096;

/** Where the files go. */
export interface ServerInfoPlace {
  /** How files are written. */
  readonly writing: ObjectWriting;
  /** The directory that holds `info`. */
  readonly commonDir: string;
  /** Records new content, so that it goes where its writer dies. */
  readonly journal: LockJournal;
}

/** Writes both files, those that would change. */
export async function writeServerInfo(
  { writing, commonDir, journal }: ServerInfoPlace,
  snapshot: Snapshot,
): Promise<void> {
  await updateFile(
    writing,
    journal,
    joinPath(commonDir, "info/refs"),
    await refLines(snapshot),
  );
  await updateFile(
    writing,
    journal,
    joinPath(writing.objectsDir, "info/packs"),
    packLines(writing),
  );
  writing.files.unlink(joinPath(commonDir, "info/rev-cache"));
}

async function updateFile(
  writing: ObjectWriting,
  journal: LockJournal,
  path: string,
  text: string,
): Promise<void> {
  const { files } = writing;
  const bytes = fromBinary(text);
  const old = files.read(path, MAX_INFO_BYTES);
  if (old !== undefined && equalBytes(old, bytes)) return;
  ensureDirectory(writing, parentPath(path));
  const record = journal.record("content", 0o666);
  try {
    await replaceFile(writing, path, bytes, () => record.file);
  } catch (error) {
    // The objects may be on another disk.
    if (!hasCode(error, "EXDEV")) throw error;
    await replaceFile(
      writing,
      path,
      bytes,
      () => createTemporary(files, `${path}_`, 0o666),
    );
  } finally {
    record.forget();
  }
}

/** Refs with what they are and what tags lead to. */
async function refLines({ refs, objects }: Snapshot): Promise<string> {
  const parts: string[] = [];
  let count = 0;
  for (const ref of refs.list("")) {
    if (++count % REFS_PER_TURN === 0) await turn();
    // One that is lost costs the others nothing; git writes no file then.
    parts.push(plainRefLine(objects, ref));
  }
  return parts.join("");
}

/**
 * The repository's own packs: those that are listed already in their order,
 * unless one of them is gone, then the others.
 */
function packLines({ files, objectsDir }: ObjectWriting): string {
  const names = new Set(files.list(joinPath(objectsDir, "pack"))?.names);
  const packs = [...names].filter((name) => name.endsWith(".idx"))
    .map((name) => name.replace(/\.idx$/, ".pack"))
    .filter((name) => names.has(name));
  const bytes = files.read(joinPath(objectsDir, "info/packs"), MAX_INFO_BYTES);
  const lines = bytes === undefined ? [] : toBinary(bytes).split("\n");
  const listed = lines.filter((line) => line.startsWith("P "))
    .map((line) => line.slice(2));
  const isStale = lines.some((line) => /^[DT]/.test(line)) ||
    listed.some((name) => !packs.includes(name));
  const order = new Set([...(isStale ? [] : listed), ...packs]);
  return plainPacksText(order);
}
