/**
 * The rules of the house as data: which folder of `src/` may import which, and
 * what a source file must look like. `ARCHITECTURE.md` says why.
 *
 * @module
 */

import { readSource, type SourceText } from "./source_text.ts";

/**
 * What each folder may import besides itself: folders, or single files. The
 * entry points above the folders stand under their own names.
 */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  std: [],
  kernels: ["core"],
  pktline: ["core"],
  object: ["core", "kernels/types.ts"],
  pack: ["core", "kernels", "object"],
  wire: ["core", "pktline", "object"],
  storage: ["core", "kernels", "object", "pack"],
  graph: ["core", "kernels/types.ts", "object", "pack", "storage/types.ts"],
  archive: ["core", "kernels/types.ts", "object"],
  service: [
    ...["core", "kernels/types.ts", "pktline", "object", "pack", "wire"],
    ...["archive", "graph", "storage/types.ts", "storage/writes.ts"],
    "storage/plain_files.ts",
  ],
  server: [
    ...["core", "pktline", "wire", "service", "storage/types.ts"],
    ...["storage/plain_files.ts", "storage/writes.ts"],
  ],
  runtime: ["core"],
  compose: [
    ...["core", "kernels", "pack", "storage", "service", "server", "runtime"],
    "threads.ts",
  ],
  cli: [
    ...["core", "std", "server", "service", "storage/types.ts"],
    ...["compose", "compose.ts", "wire/ssh_command.ts"],
  ],
};

const ALL_BUT_CLI = [
  ...Object.keys(MAY_IMPORT).filter((folder) => folder !== "cli"),
  ...["compose.ts", "worker.ts"],
];

const ENTRY_MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "src/compose.ts": ALL_BUT_CLI,
  "src/threads.ts": ["core", "runtime", "worker.ts"],
  "src/worker.ts": ALL_BUT_CLI,
  "mod.ts": ALL_BUT_CLI,
  "cli.ts": [...ALL_BUT_CLI, "cli", "mod.ts"],
};

/** Where `Deno`, `Bun` and `node:` may be named. */
const HOST_FOLDERS = ["src/runtime/", "src/kernels/native/"];

/** Names that the import map resolves, and the folder behind them. */
const ALIASES: Readonly<Record<string, string>> = { "@std/": "src/std/" };

/** Packages, and the folders that may use them. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  bcryptjs: ["server"],
  fflate: ["archive", "service"],
};

/** Longer files have more than one idea; tables and kernels may. */
const MAX_LINES = 500;

/**
 * What a source file breaks: one line per fault, with the file, the line and
 * what stands there. `path` is relative to the project, with slashes.
 */
export function faultsOf(path: string, text: string): string[] {
  const source = readSource(text);
  return [
    ...importFaults(path, source),
    ...hostFaults(path, source),
    ...exportFaults(path, source),
    ...shapeFaults(path, text),
  ];
}

function* importFaults(path: string, source: SourceText): Generator<string> {
  const room = roomOf(path);
  if (room === undefined) {
    yield `${path}: stands in no folder of the table`;
    return;
  }
  for (const { specifier, line } of importsOf(source)) {
    const at = `${path}:${line}`;
    if (specifier === undefined) {
      if (!inHostFolder(path)) yield `${at}: imports a computed name`;
      continue;
    }
    if (specifier.startsWith("node:")) continue; // hostFaults sees it.
    const target = targetOf(path, specifier);
    const allowed = target === undefined
      ? PACKAGES[specifier]?.includes(room.name) === true
      : mayImport(room, target);
    if (!allowed) {
      yield `${at}: ${room.name} may not import "${specifier}"`;
    }
  }
}

interface Room {
  readonly name: string;
  /** What its own files start with; empty for an entry point. */
  readonly folder: string;
  readonly allowed: readonly string[];
}

function roomOf(path: string): Room | undefined {
  const entry = ENTRY_MAY_IMPORT[path];
  if (entry !== undefined) return { name: path, folder: "", allowed: entry };
  const name = /^src\/([^/]+)\//.exec(path)?.[1] ?? "";
  const allowed = MAY_IMPORT[name];
  return allowed && { name, folder: `src/${name}/`, allowed };
}

function mayImport(room: Room, target: string): boolean {
  if (room.folder !== "" && target.startsWith(room.folder)) return true;
  return room.allowed.some((entry) =>
    entry.endsWith(".ts")
      ? target === `src/${entry}` || target === entry
      : target.startsWith(`src/${entry}/`)
  );
}

/** The project path that a specifier means; undefined for a package. */
function targetOf(path: string, specifier: string): string | undefined {
  if (/^\.{1,2}\//.test(specifier)) {
    return new URL(specifier, `file:///${path}`).pathname.slice(1);
  }
  for (const [prefix, folder] of Object.entries(ALIASES)) {
    if (specifier.startsWith(prefix)) return folder;
  }
  return undefined;
}

/** Static, type, dynamic and re-exporting imports, and workers' entries. */
function* importsOf(
  { code, strings }: SourceText,
): Generator<{ specifier: string | undefined; line: number }> {
  const patterns = [
    /(?<![\w$.])(?:from|import)\s*"(\d+)"/g,
    /(?<![\w$.])import\s*\(\s*(?:"(\d+)"\s*[,)])?/g,
    /(?<![\w$.])new\s+URL\s*\(\s*"(\d+)"\s*,\s*import\.meta\.url/g,
  ];
  for (const pattern of patterns) {
    for (const match of code.matchAll(pattern)) {
      const specifier = match[1] === undefined
        ? undefined
        : strings[Number(match[1])];
      yield { specifier, line: lineAt(code, match.index) };
    }
  }
}

function* hostFaults(path: string, source: SourceText): Generator<string> {
  if (inHostFolder(path)) return;
  const { code } = source;
  const names = /(?<![\w$.])(?:globalThis\s*\??\.\s*)?(Deno|Bun)(?![\w$])/g;
  for (const match of code.matchAll(names)) {
    yield `${path}:${lineAt(code, match.index)}: names ${match[1]}, which ` +
      `only ${HOST_FOLDERS.join(" and ")} may`;
  }
  for (const { specifier, line } of importsOf(source)) {
    if (specifier?.startsWith("node:") !== true) continue;
    yield `${path}:${line}: imports "${specifier}", which only ` +
      `${HOST_FOLDERS.join(" and ")} may`;
  }
}

function* exportFaults(
  path: string,
  { code }: SourceText,
): Generator<string> {
  const byDefault =
    /(?<![\w$.])export\s+(?:default\b|\{[^}]*\bas\s+default\b)/g;
  for (const match of code.matchAll(byDefault)) {
    yield `${path}:${lineAt(code, match.index)}: exports by default`;
  }
}

function* shapeFaults(path: string, text: string): Generator<string> {
  const opening = /^(?:#![^\n]*\n)?\s*(?:\/\/[^\n]*\n\s*)*\/\*\*[\s\S]*?\*\//
    .exec(text)?.[0] ?? "";
  if (!/@module\b/.test(opening)) {
    yield `${path}:1: does not open with a comment that has @module`;
  }
  const lines = text.split("\n").length - 1;
  const exempt = path.startsWith("src/kernels/") ||
    /@generated\b/.test(opening) || /[._]generated\.ts$/.test(path);
  if (lines > MAX_LINES && !exempt) {
    yield `${path}: has ${lines} lines, more than ${MAX_LINES}`;
  }
}

function inHostFolder(path: string): boolean {
  return HOST_FOLDERS.some((folder) => path.startsWith(folder));
}

function lineAt(code: string, index: number): number {
  return code.slice(0, index).split("\n").length;
}
