/**
 * Whole pushes through the service into repositories whose disk does what it
 * is told, and what is there afterwards.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { oneCommitPushes, type OnePush } from "../../../bench/push_client.ts";
import { serveCommand } from "../../../mod.ts";
import { fileWrites } from "../../../src/compose/file_writes.ts";
import { once } from "../../../src/core/once.ts";
import type { Owners } from "../../../src/core/owner.ts";
import { SILENT } from "../../../src/core/logger.ts";
import type { RefName } from "../../../src/core/ref_name.ts";
import { selectKernels } from "../../../src/kernels/select.ts";
import { NODE_FILES } from "../../../src/runtime/files.ts";
import { NODE_WRITE_FILES } from "../../../src/runtime/write_files.ts";
import { FileBackend } from "../../../src/storage/files/backend.ts";
import {
  type FailingFiles,
  failingFiles,
  type FailingFilesOptions,
} from "../failing_files.ts";
import { emptyRepository } from "../fixture.ts";
import { temporaryDirectory } from "../fixture_directory.ts";
import { gitSync } from "../git.ts";
import { DEAD, LIVING, ownersFor } from "../ref_worlds.ts";
import { convertToReftable } from "../reftable.ts";
import { pkt } from "../wire_client.ts";
import { type RawCommand, rawPush, reportIn, ZERO } from "./raw_push.ts";

const KERNELS = selectKernels();
const NAME = "faulty.git";

/** How a repository is kept and pushed to. */
export interface FaultMode {
  /** What is special, for the test's title. */
  readonly words: string;
  /** Settings of the repository, "key=value". */
  readonly settings?: readonly string[];
  /** Capabilities beside the report. */
  readonly capabilities?: string;
  /** Where its refs are: in files unless told. */
  readonly refs?: "files" | "reftable";
  /** So many creations more. */
  readonly creations?: number;
  /** Whether the client is a shallow clone. */
  readonly isShallow?: boolean;
  /** Whether there is no repository yet. */
  readonly isNew?: boolean;
}

/** One mode's repository, to be copied, and what is pushed to it. */
export interface FaultWorld {
  readonly mode: FaultMode;
  /** A directory that holds the repository, or none. */
  readonly template: string;
  readonly commands: readonly RawCommand[];
  /** What the client sends. */
  readonly bytes: Uint8Array;
  /** The commit that is pushed, and its pack. */
  readonly pushed: Pick<OnePush, "new" | "pack">;
  /** What can be pushed on top of it. */
  readonly following: OnePush;
  /** The first commit. */
  readonly tip: string;
}

/** What came of a push. */
export interface FaultPush {
  /** The lines of the report, or "ERR ..."; none where none came. */
  readonly report: readonly string[];
  /** Whether the session ended without an error. */
  readonly isServed: boolean;
}

/** Makes the repository of a mode. */
export async function faultWorld(mode: FaultMode): Promise<FaultWorld> {
  const template = temporaryDirectory("faults");
  const path = join(template, NAME);
  const tip = await makeRepository(mode, path);
  const [first, second] = oneCommitPushes(tip, 2) as [OnePush, OnePush];
  const [pushed, following] = mode.isNew === true
    ? [{ new: tip, pack: packOfAll(path) }, first]
    : [first, second];
  const commands = commandsOf(mode, tip, pushed.new);
  const raw = rawPush(commands, pushed.pack, capabilitiesOf(mode));
  // A shallow clone has the new commit alone.
  const shallow = mode.isShallow === true
    ? pkt(`shallow ${pushed.new}`)
    : Buffer.alloc(0);
  const world = {
    ...{ mode, template, commands, pushed, following, tip },
    bytes: Buffer.concat([shallow, raw]),
  };
  if (mode.isNew === true) rmSync(path, { recursive: true });
  return world;
}

function packOfAll(path: string): Uint8Array {
  const made = gitSync(["pack-objects", "--all", "--stdout", "-q"], {
    cwd: path,
  });
  return Buffer.from(made, "latin1");
}

function capabilitiesOf({ capabilities = "" }: FaultMode): string {
  return `report-status quiet ${capabilities}`.trimEnd();
}

function commandsOf(mode: FaultMode, tip: string, to: string): RawCommand[] {
  const creation = { name: "refs/heads/made/new", old: ZERO, new: to };
  if (mode.isNew === true) {
    return [{ ...creation, name: "refs/heads/main" }, creation];
  }
  // The parent of the new commit is not here for a shallow clone.
  if (mode.isShallow === true) return [creation];
  const many = Array.from({ length: mode.creations ?? 0 }, (_, i) => ({
    name: `refs/tags/many/${i}`,
    old: ZERO,
    new: to,
  }));
  return [
    { name: "refs/heads/main", old: tip, new: to },
    creation,
    { name: "refs/heads/gone", old: tip, new: ZERO },
    ...many,
  ];
}

async function makeRepository(mode: FaultMode, path: string): Promise<string> {
  emptyRepository(path, "sha1");
  const tree = gitSync(["mktree"], { cwd: path, input: "" }).trim();
  const commit = gitSync(["commit-tree", "-m", "first", tree], { cwd: path })
    .trim();
  if (mode.refs === "reftable") convertToReftable(path);
  for (const setting of mode.settings ?? []) {
    const [key = "", value = ""] = setting.split("=");
    gitSync(["config", "--file", join(path, "config"), key, value]);
  }
  if (mode.refs === "reftable") await seedReftable(path, commit);
  else seedFiles(path, commit);
  return commit;
}

/** Loose and packed, and both. */
function seedFiles(path: string, commit: string): void {
  const set = (name: string) =>
    gitSync(["update-ref", "-m", "seed", name, commit], { cwd: path });
  set("refs/heads/gone");
  set("refs/tags/stays");
  gitSync(["pack-refs", "--all"], { cwd: path });
  set("refs/heads/main");
  set("refs/heads/other");
  gitSync(["symbolic-ref", "HEAD", "refs/heads/main"], { cwd: path });
}

async function seedReftable(path: string, commit: string): Promise<void> {
  const names = ["refs/heads/main", "refs/heads/gone", "refs/heads/other"];
  const backend = backendOver(join(path, ".."), {}, "living");
  const commands = names.map((name) => ({ name, old: ZERO, new: commit }));
  const { report } = await pushTo(
    backend,
    rawPush(commands, EMPTY_PACK, "report-status quiet"),
  );
  if (report.length !== 4 || report.some((line) => /^ng/.test(line))) {
    throw new Error(`Cannot seed: ${report.join("|")}`);
  }
}

const EMPTY_PACK = Buffer.from(
  "5041434b0000000200000000" + "029d08823bd8a8eab510ad6ac75c823cfd3ed31e",
  "hex",
);

/** Who pushes: else each server would ask the system. */
const committer = once(() => {
  const path = join(temporaryDirectory("committer"), "config");
  writeFileSync(path, "[user]\n\tname = C\n\temail = c@example.com\n");
  return { path };
});

/** A server over files that fail as they are told. */
export interface FaultServer {
  readonly files: FailingFiles;
  readonly backend: FileBackend;
  /** Where the repository is. */
  readonly path: string;
}

/** Serves what is in `root`. */
export function backendOver(
  root: string,
  options: FailingFilesOptions,
  who: "living" | "dead" | Owners,
): FaultServer {
  const files = failingFiles(NODE_WRITE_FILES, { root, ...options });
  const owners = typeof who === "object"
    ? who
    : ownersFor(who === "dead" ? DEAD : LIVING);
  return {
    files,
    path: join(root, NAME),
    backend: new FileBackend({
      exposure: { rules: "friendly", root },
      fileSystem: files,
      kernels: KERNELS,
      logger: SILENT,
      owners: { uid: NODE_FILES.stat(root)?.uid ?? 0 },
      configFiles: [committer().path],
      writes: () => Promise.resolve({ ...fileWrites(KERNELS), files, owners }),
    }),
  };
}

/** Pushes; what is said behind a crash is not heard. */
export async function pushTo(
  { backend, files }: FaultServer,
  bytes: Uint8Array,
  heard: "all" | "until-fault" = "all",
): Promise<FaultPush> {
  const said: Uint8Array[] = [];
  let isServed = true;
  try {
    await serveCommand({
      backend,
      service: "git-receive-pack",
      path: `/${NAME}`,
      input: new Blob([new Uint8Array(bytes)]).stream(),
      output: new WritableStream<Uint8Array>({
        write(chunk) {
          files.note("said");
          if (heard === "all" || files.faults === 0) said.push(chunk.slice());
        },
      }),
      protocol: "",
      createOnPush: true,
    });
  } catch {
    isServed = false;
  }
  return { report: reportIn(Buffer.concat(said)), isServed };
}

/** A copy of a world's repository; the directory that it is in. */
export function copyOf(world: FaultWorld, root: string): void {
  rmSync(root, { recursive: true, force: true });
  if (world.mode.isNew === true) mkdirSync(root);
  else cpSync(world.template, root, { recursive: true });
}

/** All refs, read anew, by name. */
export async function refsIn(
  root: string,
): Promise<ReadonlyMap<string, string>> {
  if (!existsSync(join(root, NAME))) return new Map();
  const { backend } = backendOver(root, {}, "living");
  const repository = await backend.openRepository(`/${NAME}`);
  try {
    using snapshot = await repository.snapshot();
    const all = [...snapshot.refs.list("" as RefName)];
    return new Map(all.map(({ name, oid }) => [name, oid]));
  } finally {
    backend.close();
  }
}

const LITTER =
  /\.lock$|^tmp_|\.keep$|^gitsrv-locks-|^\.gitsrv|^HEAD\.|\.new$|withdrawn|^(?:refs|packs)_/;

/** What a push must not leave, by path. */
export function litterIn(root: string): string[] {
  const found: string[] = [];
  const queue = [root];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const entries = readdirSync(next, { withFileTypes: true });
    for (const entry of entries) {
      const path = join(next, entry.name);
      if (LITTER.test(entry.name)) found.push(path.slice(root.length + 1));
      else if (entry.isDirectory()) queue.push(path);
    }
    const names = new Set(entries.map(({ name }) => name));
    for (const name of names) {
      const index = name.replace(/\.(?:pack|rev)$/, ".idx");
      if (!names.has(index)) {
        found.push(join(next, name).slice(root.length + 1));
      }
    }
  }
  return found;
}
