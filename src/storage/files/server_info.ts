/**
 * The files that let a repository be fetched as plain files, over a server
 * that knows nothing of git: `info/refs` and `objects/info/packs`, as
 * `git update-server-info` writes them (server-info.c).
 *
 * @see https://git-scm.com/docs/git-update-server-info
 * @module
 */

import { equalBytes, fromBinary } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import type { FileSystem } from "../../core/host.ts";
import { TAG } from "../../object/kind.ts";
import { plainPacksText, plainRefLine } from "../../object/plain_lines.ts";
import type { Snapshot } from "../types.ts";
import type {
  ServerInfoFile,
  ServerInfoOptions,
  ServerInfoOutcome,
} from "../writes.ts";
import { ensureDirectory, type ObjectWriting, turn } from "./object_writing.ts";
import { ownPacks, packOrder, readInfo } from "./packs_text.ts";
import { joinPath, parentPath } from "./paths.ts";
import type { LockJournal } from "./lock_journal.ts";
import { hasCode, systemWords } from "./system_words.ts";
import { quietly } from "./quietly.ts";
import { replaceFile } from "./replace_file.ts";
import { createTemporary } from "./temporary.ts";

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
  { force = false, lost = "skipped" }: ServerInfoOptions = {},
): Promise<ServerInfoOutcome> {
  const { files, objectsDir } = writing;
  const written: ServerInfoFile[] = [];
  const failures: { readonly file: ServerInfoFile; readonly why: string }[] =
    [];
  const complaints: string[] = [];
  const update = async (
    file: ServerInfoFile,
    path: string,
    text: () => Promise<string>,
  ) => {
    try {
      const bytes = fromBinary(await text());
      const isSame = !force && holds(files, path, bytes);
      if (isSame) return;
      await replace(writing, journal, path, bytes);
      written.push(file);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      failures.push({ file, why: systemWords(error) });
    }
  };
  await update(
    "info/refs",
    joinPath(commonDir, "info/refs"),
    () => refLines(snapshot, lost, complaints),
  );
  const packs = joinPath(objectsDir, "info/packs");
  await update("objects/info/packs", packs, () => {
    const old = force ? undefined : quietly(() => readInfo(files, packs));
    const order = packOrder(ownPacks(files, objectsDir), old, complaints);
    return Promise.resolve(plainPacksText(order));
  });
  quietly(() => files.unlink(joinPath(commonDir, "info/rev-cache")));
  return { written, failures, complaints };
}

function holds(files: FileSystem, path: string, bytes: Uint8Array): boolean {
  const old = quietly(() => readInfo(files, path));
  return old !== undefined && equalBytes(old, bytes);
}

async function replace(
  writing: ObjectWriting,
  journal: LockJournal,
  path: string,
  bytes: Uint8Array,
): Promise<void> {
  const { files } = writing;
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
async function refLines(
  { refs, objects }: Snapshot,
  lost: "skipped" | "fails",
  complaints: string[],
): Promise<string> {
  const parts: string[] = [];
  let count = 0;
  for (const ref of refs.list("")) {
    if (++count % REFS_PER_TURN === 0) await turn();
    const line = plainRefLine(objects, ref);
    parts.push(line);
    if (line === "") {
      if (lost === "skipped") continue;
      throw new StorageError("ENOENT", `${ref.name} names no object`);
    }
    const isOne = line.indexOf("\n") === line.length - 1;
    if (isOne && objects.kind(objects.find(ref.oid)) === TAG) {
      complaints.push(`missing object referenced by '${ref.name}'`);
    }
  }
  return parts.join("");
}
