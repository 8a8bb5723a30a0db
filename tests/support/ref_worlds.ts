/**
 * Repositories whose refs are changed by us and by the real git, and what can
 * be seen of them: every file that holds a ref or a reflog.
 *
 * @module
 */

import {
  appendFileSync,
  cpSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { NODE_WRITE_FILES } from "../../src/runtime/write_files.ts";
import type { Owners, ProcessIdentity } from "../../src/core/owner.ts";
import { type Oid, SHA1 } from "../../src/core/oid.ts";
import { selectKernels } from "../../src/kernels/select.ts";
import { configView, readPlainConfig } from "../../src/storage/files/config.ts";
import {
  FileRefWriter,
  type FileRefWriterInit,
} from "../../src/storage/files/ref_writer.ts";
import { NODE_FILES } from "../../src/runtime/files.ts";
import type { RefWriterWorld } from "../contract/ref_writer.ts";
import { temporaryDirectory } from "./fixture_directory.ts";
import { git, gitSync } from "./git.ts";

/** A living process, and one that is dead. */
export const LIVING: ProcessIdentity = {
  machine: "m",
  boot: "b",
  pid: 2,
  start: "2",
};
export const DEAD: ProcessIdentity = { ...LIVING, pid: 1, start: "1" };

/** Owners of which {@linkcode DEAD} alone is dead. */
export function ownersFor(self: ProcessIdentity = LIVING): Owners {
  return { self, isDead: (other) => other.pid === DEAD.pid };
}

/** Waits as the runtime does. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason);
    const end = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", end);
      resolve();
    }, ms);
    signal?.addEventListener("abort", end, { once: true });
  });
}

/** Objects of the template. */
export interface RefObjects {
  /** Four commits. */
  readonly commits: readonly [Oid, Oid, Oid, Oid];
  /** A tag of the first commit. */
  readonly tag: Oid;
}

let template: { path: string; objects: RefObjects } | undefined;

/** A bare repository without refs that holds {@linkcode RefObjects}. */
export async function refRepository(
  config: Readonly<Record<string, string>> = {},
): Promise<{ path: string; objects: RefObjects }> {
  template ??= await makeTemplate();
  const path = join(temporaryDirectory("refs"), "r.git");
  cpSync(template.path, path, { recursive: true });
  for (const [key, value] of Object.entries(config)) {
    gitSync(["config", key, value], { cwd: path });
  }
  return { path, objects: template.objects };
}

async function makeTemplate() {
  const path = join(temporaryDirectory("refs"), "template.git");
  await git(["init", "-q", "--bare", "--template=", path]);
  const tree = (await git(["mktree"], { cwd: path, input: "" })).trim();
  const commits: string[] = [];
  for (const message of ["a", "b", "c", "d"]) {
    const id = await git(["commit-tree", "-m", message, tree], { cwd: path });
    commits.push(id.trim());
  }
  const tag = await git(["mktag"], {
    cwd: path,
    input: `object ${commits[0]}\ntype commit\ntag t\n` +
      "tagger T <t@example.com> 1700000000 +0000\n\nt\n",
  });
  const objects = { commits, tag: tag.trim() } as unknown as RefObjects;
  return { path, objects };
}

/** A writer of the refs of the repository at `path`. */
export function fileRefWriter(
  path: string,
  objects: RefObjects,
  changed: Partial<FileRefWriterInit> = {},
): FileRefWriter {
  const config = readPlainConfig(join(path, "config"), NODE_FILES) ?? [];
  return new FileRefWriter({
    files: NODE_WRITE_FILES,
    layout: {
      path,
      gitDir: path,
      commonDir: path,
      objectsDir: join(path, "objects"),
      gitfile: false,
    },
    format: SHA1,
    config: configView(config),
    kernels: selectKernels(),
    fsync: "off",
    owners: ownersFor(),
    pause,
    peel: (oid) => oid === objects.tag ? objects.commits[0] : undefined,
    ...changed,
  });
}

/** A world of the contract over loose and packed refs. */
export async function fileRefWorld(
  config: Readonly<Record<string, string>> = {},
  changed: Partial<FileRefWriterInit> = {},
): Promise<RefWriterWorld & { readonly path: string }> {
  const { path, objects } = await refRepository(config);
  return {
    path,
    writer: fileRefWriter(path, objects, changed),
    commits: objects.commits,
    read: () => Promise.resolve(storedRefs(path)),
    setSymbolic(name, target) {
      gitSync(["symbolic-ref", name, target], { cwd: path });
      return Promise.resolve();
    },
    log(name) {
      const file = join(path, "logs", name);
      if (!existsSync(file)) return Promise.resolve([]);
      return Promise.resolve(
        readFileSync(file, "latin1").trimEnd().split("\n"),
      );
    },
  };
}

/** Every ref below `refs/` as loose files and `packed-refs` hold it. */
export function storedRefs(path: string): ReadonlyMap<string, string> {
  const refs = new Map<string, string>();
  const packed = join(path, "packed-refs");
  if (existsSync(packed)) {
    for (const line of readFileSync(packed, "latin1").split("\n")) {
      const match = /^([0-9a-f]{40}) (.+)$/.exec(line);
      if (match !== null) refs.set(match[2] as string, match[1] as string);
    }
  }
  for (const [name, text] of filesBelow(path, "refs")) {
    refs.set(name, text.trimEnd());
  }
  return refs;
}

/**
 * Every file that holds a ref, a log or a lock, by its path, with its bytes;
 * directories are left out.
 */
export function refFiles(path: string): ReadonlyMap<string, string> {
  const all = new Map([
    ...filesBelow(path, "refs"),
    ...filesBelow(path, "logs"),
  ]);
  for (const name of readdirSync(path)) {
    const isOfRefs = name === "HEAD" || name.startsWith("packed-refs") ||
      name.startsWith("gitsrv") || name.endsWith(".lock");
    if (!isOfRefs) continue;
    const file = join(path, name);
    all.set(
      name,
      lstatSync(file).isFile() ? readFileSync(file, "latin1") : "directory",
    );
  }
  return new Map([...all].sort(([a], [b]) => a < b ? -1 : 1));
}

function filesBelow(path: string, top: string): Map<string, string> {
  const found = new Map<string, string>();
  const stack = [top];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const directory = join(path, next);
    if (!existsSync(directory)) continue;
    for (const name of readdirSync(directory)) {
      const file = join(directory, name);
      const stat = lstatSync(file);
      if (stat.isDirectory()) stack.push(`${next}/${name}`);
      else if (stat.isSymbolicLink()) {
        found.set(`${next}/${name}`, `-> ${readlinkSync(file)}`);
      } else found.set(`${next}/${name}`, readFileSync(file, "latin1"));
    }
  }
  return found;
}

/** Every directory below `refs` and `logs`, sorted. */
export function refDirectories(path: string): string[] {
  const found: string[] = [];
  const stack = ["refs", "logs"];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const directory = join(path, next);
    if (!existsSync(directory)) continue;
    found.push(next);
    for (const name of readdirSync(directory)) {
      if (lstatSync(join(directory, name)).isDirectory()) {
        stack.push(`${next}/${name}`);
      }
    }
  }
  return found.sort();
}

/** Writes a file of the repository. */
export function put(path: string, name: string, text: string): void {
  writeFileSync(join(path, name), text, "latin1");
}

/** Appends to a file of the repository. */
export function append(path: string, name: string, text: string): void {
  appendFileSync(join(path, name), text, "latin1");
}
