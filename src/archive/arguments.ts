/**
 * The arguments of `git archive` as a client of upload-archive gives them:
 * archive.c, parse_archive_args, with its words.
 *
 * @see https://git-scm.com/docs/git-archive
 * @module
 */

import { RefusedError } from "../core/errors.ts";
import type { ArchiveFormat, Container } from "./formats.ts";
import { type OptionRow, readOptions } from "./options.ts";

/** What is asked for. Can be cloned. */
export interface ArchiveOrder {
  /** What is to be made. */
  readonly container: Container;
  /** How hard to compress; -1 where nothing was said. */
  readonly level: number;
  /** What all paths begin with. */
  readonly prefix: string;
  /** Paths are told as they are written. */
  readonly isVerbose: boolean;
  /** Attributes are not those of the tree. */
  readonly usesWorktreeAttributes: boolean;
  /** The value of `--mtime`. */
  readonly mtime?: string;
  /** What to archive. */
  readonly treeish: string;
  /** What of it. */
  readonly paths: readonly string[];
}

/** What arguments come to. */
export type ArchiveRequest =
  | { readonly type: "archive"; readonly order: ArchiveOrder }
  /** Text for standard output, and the end: `--list`. */
  | { readonly type: "list"; readonly text: string }
  /** Text for both outputs, and failure. */
  | {
    readonly type: "failure";
    readonly output: string;
    readonly error: string;
  };

const OPTIONS: readonly OptionRow[] = [
  { name: "format", kind: "value" },
  { name: "prefix", kind: "value" },
  { name: "add-file", kind: "value" },
  { name: "add-virtual-file", kind: "value" },
  { name: "output", letter: "o", kind: "value" },
  { name: "mtime", kind: "value" },
  { name: "worktree-attributes", kind: "flag" },
  { name: "verbose", letter: "v", kind: "count" },
  { name: "list", letter: "l", kind: "flag" },
  { name: "remote", kind: "value" },
  { name: "exec", kind: "value" },
];

/** What git 2.39 prints; `--mtime` is newer. */
export const ARCHIVE_USAGE =
  `usage: git archive [<options>] <tree-ish> [<path>...]
   or: git archive --list
   or: git archive --remote <repo> [--exec <cmd>] [<options>] <tree-ish> [<path>...]
   or: git archive --remote <repo> [--exec <cmd>] --list

    --format <fmt>        archive format
    --prefix <prefix>     prepend prefix to each pathname in the archive
    --add-file <file>     add untracked file to archive
    --add-virtual-file <path:content>
                          add untracked file to archive
    -o, --output <file>   write the archive to this file
    --worktree-attributes
                          read .gitattributes in working directory
    -v, --verbose         report archived files on stderr
    -NUM                  set compression level

    -l, --list            list supported archive formats

    --remote <repo>       retrieve the archive from remote repository <repo>
    --exec <command>      path to the remote git-upload-archive command

`;

/** Reads a client's arguments. Throws RefusedError in git's words. */
export function parseArchiveArguments(
  args: readonly string[],
  formats: readonly ArchiveFormat[],
): ArchiveRequest {
  const read = readOptions(args, OPTIONS);
  if (read.type === "help") {
    return { type: "failure", output: ARCHIVE_USAGE, error: read.complaint };
  }
  if (read.type === "error") {
    const usage = read.usage === "shown" ? ARCHIVE_USAGE : "";
    return { type: "failure", output: "", error: `${read.complaint}${usage}` };
  }
  const options = new Map<string, string>();
  let hasFiles = false;
  let verbosity = 0;
  for (const { name, value } of read.given) {
    if (name === "add-file" || name === "add-virtual-file") {
      hasFiles = value !== undefined;
    }
    if (name === "verbose") verbosity = value === undefined ? 0 : verbosity + 1;
    if (value === undefined) options.delete(name);
    else options.set(name, value === true ? "" : value);
  }
  refuseForeign(options, { hasFiles });
  if (options.has("list")) {
    return { type: "list", text: listOf(formats) };
  }
  const [treeish, ...paths] = read.rest;
  if (treeish === undefined) {
    return { type: "failure", output: "", error: ARCHIVE_USAGE };
  }
  const format = findFormat(formats, options.get("format") ?? "tar");
  const mtime = options.get("mtime");
  return {
    type: "archive",
    order: {
      container: format.container,
      level: levelOf(read.number, format),
      prefix: options.get("prefix") ?? "",
      // archive.h: one bit keeps the count, and -vv is silent.
      isVerbose: verbosity % 2 === 1,
      usesWorktreeAttributes: options.has("worktree-attributes"),
      ...(mtime === undefined ? {} : { mtime }),
      treeish,
      paths,
    },
  };
}

/** What would touch this machine's files, or another machine. */
function refuseForeign(
  options: ReadonlyMap<string, string>,
  { hasFiles }: { readonly hasFiles: boolean },
): void {
  if (options.has("remote")) throw refused("Unexpected option --remote");
  if (options.has("exec")) {
    throw refused("the option '--exec' requires '--remote'");
  }
  if (options.has("output")) throw refused("Unexpected option --output");
  if (hasFiles) {
    throw refused(
      "options '--add-file' and '--remote' cannot be used together",
    );
  }
}

function listOf(formats: readonly ArchiveFormat[]): string {
  return formats
    .filter(({ isRemote, container }) => isRemote && container !== "foreign")
    .map(({ name }) => `${name}\n`)
    .join("");
}

interface MadeFormat {
  readonly name: string;
  readonly container: Container;
}

function findFormat(
  formats: readonly ArchiveFormat[],
  name: string,
): MadeFormat {
  const format = formats.find((each) => each.name === name);
  if (format?.isRemote !== true) {
    throw refused(`Unknown archive format '${name}'`);
  }
  const { container } = format;
  if (container === "foreign") {
    throw refused(
      `archive format '${name}' needs a command of the server's ` +
        "configuration, which is not run",
    );
  }
  return { name, container };
}

function levelOf(
  number: string | undefined,
  { name, container }: MadeFormat,
): number {
  if (number === undefined) return -1;
  // strtol, cut to an int.
  const level = Number(BigInt.asIntN(32, clampLong(BigInt(number))));
  if (level === -1) return -1;
  if (container === "tar" || (container === "zip" && level > 9)) {
    throw refused(`Argument not supported for format '${name}': -${level}`);
  }
  if (level > 9 || level < 0) {
    throw refused("deflateInit2: stream consistency error (no message)");
  }
  return level;
}

function clampLong(value: bigint): bigint {
  const most = 2n ** 63n - 1n;
  return value > most ? most : value;
}

function refused(message: string): RefusedError {
  return new RefusedError("bad-arguments", message);
}
