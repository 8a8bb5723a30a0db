/**
 * A repository's configuration: files with their includes, and typed reads in
 * git's words. The format itself is `config_parser.ts`.
 *
 * @see https://git-scm.com/docs/git-config
 * @module
 */

import { binaryToUtf8, utf8ToBinary } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import type { FileSystem } from "../../core/host.ts";
import { wildmatch } from "../../core/wildmatch.ts";
import type { ConfigView } from "../types.ts";
import { type ConfigSink, parseConfig } from "../../core/config_parser.ts";
import { parseBoolean, parseInteger } from "./config_values.ts";
import { absolutePath, joinPath, parentPath } from "./paths.ts";

/** Largest configuration file that is read, in bytes. */
export const MAX_CONFIG_BYTES: number = 16 * 1024 * 1024;

// config.c: MAX_INCLUDE_DEPTH.
const MAX_INCLUDE_DEPTH = 10;

/** One pair: full key, and value (`undefined`: a key without "="). */
export type ConfigPair = readonly [key: string, value: string | undefined];

/** What conditional includes and "~/" need to know. */
export interface ConfigContext {
  /** Where files are read. */
  readonly fileSystem: FileSystem;
  /** The git directory, for `gitdir:` conditions; absolute. */
  readonly gitDir?: string;
  /** The ref that HEAD names, for `onbranch:`; called when one is met. */
  readonly headTarget?: () => string | undefined;
  /** What "~/" means; paths with it are errors where it is not given. */
  readonly home?: string;
}

/**
 * The pairs of the files at `paths`, in order, includes followed. A file that
 * is not there has none. Throws StorageError "bad-config" with git's words,
 * and what {@linkcode FileSystem.read} throws. `keeps` tells which keys count
 * in one of the files and what it includes; all do unless told.
 */
export function readConfigFiles(
  paths: readonly string[],
  context: ConfigContext,
  keeps: (path: string, key: string) => boolean = () => true,
): ConfigPair[] {
  const pairs: ConfigPair[] = [];
  const remoteUrls = { list: undefined as readonly string[] | undefined };
  for (const path of paths) {
    const loader: Loader = {
      context,
      emit(key, value) {
        if (keeps(path, key)) pairs.push([key, value]);
      },
      remoteUrls: () => remoteUrls.list ??= readRemoteUrls(paths, context),
    };
    loadFile(loader, path, 0);
  }
  return pairs;
}

/**
 * The pairs of one file without its includes, as git reads a repository's
 * format; `undefined` where there is no such file.
 */
export function readPlainConfig(
  path: string,
  fileSystem: FileSystem,
): ConfigPair[] | undefined {
  const bytes = fileSystem.read(path, MAX_CONFIG_BYTES);
  if (bytes === undefined) return undefined;
  const pairs: ConfigPair[] = [];
  parseConfig(bytes, path, (key, value) => void pairs.push([key, value]));
  return pairs;
}

interface Loader {
  readonly context: ConfigContext;
  readonly emit: ConfigSink;
  /** `undefined`: `hasconfig:` conditions all hold (config.c does it so). */
  readonly remoteUrls: (() => readonly string[]) | undefined;
}

function loadFile(loader: Loader, path: string, depth: number): boolean {
  const bytes = loader.context.fileSystem.read(path, MAX_CONFIG_BYTES);
  if (bytes === undefined) return false;
  parseConfig(bytes, path, (key, value) => {
    if (loader.emit(key, value) === false) return false;
    if (key === "include.path") return include(loader, value, path, depth);
    const condition = includeCondition(key);
    if (condition === undefined || !holds(loader, condition, path)) return true;
    // config.c forbids URLs below a condition on URLs by this pass.
    const inner: Loader = loader.remoteUrls === undefined
      ? { ...loader, emit: forbidRemoteUrl }
      : loader;
    return include(inner, value, path, depth);
  });
  return true;
}

function include(
  loader: Loader,
  value: string | undefined,
  from: string,
  depth: number,
): boolean {
  if (value === undefined) return false;
  const expanded = expandHome(binaryToUtf8(value), loader.context.home);
  if (expanded === undefined) return false;
  const path = absolutePath(expanded, parentPath(from));
  if (loader.context.fileSystem.stat(path) === undefined) return true;
  if (depth + 1 > MAX_INCLUDE_DEPTH) {
    throw new StorageError(
      "bad-config",
      `exceeded maximum include depth (${MAX_INCLUDE_DEPTH}) while ` +
        `including\n\t${path}\nfrom\n\t${from}\n` +
        "This might be due to circular includes.",
    );
  }
  loadFile(loader, path, depth + 1);
  return true;
}

/** "~/x" below `home`; `undefined` where that cannot be known. */
export function expandHome(
  path: string,
  home: string | undefined,
): string | undefined {
  if (!path.startsWith("~")) return path;
  if (home === undefined || (path !== "~" && !path.startsWith("~/"))) {
    return undefined;
  }
  return home + path.slice(1);
}

function includeCondition(key: string): string | undefined {
  return key.startsWith("includeif.") && key.endsWith(".path") &&
      key.length > "includeif.path".length
    ? key.slice("includeif.".length, -".path".length)
    : undefined;
}

type Test = (loader: Loader, condition: string, file: string) => boolean;

/** config.c: include_condition_is_true; unknown conditions are false. */
const CONDITIONS: readonly (readonly [string, Test])[] = [
  ["gitdir:", (loader, glob, file) => isGitDir(loader, glob, file, "exact")],
  ["gitdir/i:", (loader, glob, file) => isGitDir(loader, glob, file, "fold")],
  ["onbranch:", (loader, glob) => isOnBranch(loader, glob)],
  ["hasconfig:remote.*.url:", (loader, glob) => hasUrl(loader, glob)],
];

function holds(loader: Loader, condition: string, file: string): boolean {
  for (const [prefix, test] of CONDITIONS) {
    if (condition.startsWith(prefix)) {
      return test(loader, condition.slice(prefix.length), file);
    }
  }
  return false;
}

function isGitDir(
  loader: Loader,
  condition: string,
  file: string,
  letters: "exact" | "fold",
): boolean {
  const { fileSystem, gitDir, home } = loader.context;
  if (gitDir === undefined) return false;
  const realHome = home === undefined
    ? undefined
    : fileSystem.realPath(home) ?? home;
  let pattern = utf8ToBinary(
    expandHome(binaryToUtf8(condition), realHome) ?? binaryToUtf8(condition),
  );
  let literal = 0;
  if (pattern.startsWith("./")) {
    const directory = parentPath(fileSystem.realPath(file) ?? file);
    const prefix = utf8ToBinary(directory);
    pattern = prefix + pattern.slice(1);
    literal = joinPath(prefix, "").length;
  } else if (!pattern.startsWith("/")) {
    pattern = `**/${pattern}`;
  }
  pattern = withStarStar(pattern);
  for (const path of [fileSystem.realPath(gitDir), gitDir]) {
    if (path === undefined) continue;
    const text = utf8ToBinary(path);
    const isSame = letters === "exact"
      ? text.slice(0, literal) === pattern.slice(0, literal)
      : text.slice(0, literal).toLowerCase() ===
        pattern.slice(0, literal).toLowerCase();
    if (!isSame) return false;
    if (wildmatch(pattern.slice(literal), text.slice(literal), letters)) {
      return true;
    }
  }
  return false;
}

function isOnBranch(loader: Loader, glob: string): boolean {
  const target = loader.context.headTarget?.();
  if (target === undefined || !target.startsWith("refs/heads/")) return false;
  const branch = target.slice("refs/heads/".length);
  return wildmatch(withStarStar(glob), branch, "exact");
}

function hasUrl(loader: Loader, glob: string): boolean {
  if (loader.remoteUrls === undefined) return true;
  return loader.remoteUrls().some((url) => wildmatch(glob, url, "exact"));
}

function withStarStar(pattern: string): string {
  return pattern.endsWith("/") ? `${pattern}**` : pattern;
}

const REMOTE_URL = /^remote\.[^]*\.url$/;

function readRemoteUrls(
  paths: readonly string[],
  context: ConfigContext,
): readonly string[] {
  const urls: string[] = [];
  const loader: Loader = {
    context,
    emit(key, value) {
      if (REMOTE_URL.test(key) && value !== undefined) urls.push(value);
    },
    remoteUrls: undefined,
  };
  for (const path of paths) loadFile(loader, path, 0);
  return urls;
}

function forbidRemoteUrl(key: string): void {
  if (!REMOTE_URL.test(key)) return;
  throw new StorageError(
    "bad-config",
    "remote URLs cannot be configured in file directly or indirectly " +
      "included by includeIf.hasconfig:remote.*.url",
  );
}

/** A {@linkcode ConfigView} of pairs; later ones win. */
export function configView(pairs: readonly ConfigPair[]): ConfigView {
  const values = new Map<string, (string | undefined)[]>();
  for (const [key, value] of pairs) {
    const list = values.get(key);
    if (list === undefined) values.set(key, [value]);
    else list.push(value);
  }
  return {
    get(key) {
      const list = values.get(key);
      return list === undefined ? undefined : list.at(-1) ?? "";
    },
    all: (key) => (values.get(key) ?? []).map((value) => value ?? ""),
    boolean(key) {
      const list = values.get(key);
      return list && parseBoolean(key, list.at(-1));
    },
    integer(key) {
      const list = values.get(key);
      return list && parseInteger(key, list.at(-1));
    },
    *entries() {
      for (const [key, value] of pairs) yield [key, value ?? ""] as const;
    },
  };
}
