/**
 * Whether this code may read a repository: its format version and its
 * extensions, judged as git's setup.c judges them.
 *
 * @see https://git-scm.com/docs/repository-version
 * @module
 */

import { StorageError } from "../../core/errors.ts";
import { OBJECT_FORMATS, type ObjectFormat, SHA1 } from "../../core/oid.ts";
import type { ConfigPair } from "./config.ts";
import { parseBoolean, parseInt32 } from "./config_values.ts";

/** What a repository's own configuration says about its format. */
export interface RepositoryFormat {
  /** The format of its object names. */
  readonly objectFormat: ObjectFormat;
  /** Whether `config.worktree` counts. */
  readonly worktreeConfig: boolean;
  /** How its refs are stored. */
  readonly refStorage: RefStorage;
}

/** How refs are stored: loose and packed, or in a stack of reftables. */
export type RefStorage = "files" | "reftable";

const REF_STORAGES: readonly string[] = ["files", "reftable"];

// setup.h: GIT_REPO_VERSION_READ.
const MAX_VERSION = 1;

interface Draft {
  version: number;
  objectFormat: ObjectFormat;
  worktreeConfig: boolean;
  refStorage: RefStorage;
  readonly v1Only: string[];
  readonly unknown: string[];
}

type Extension = (
  draft: Draft,
  key: string,
  value: string | undefined,
) => void;

/** Extensions that count in version 0 too. */
const ANY_VERSION: Readonly<Record<string, Extension>> = {
  noop: () => {},
  preciousobjects: (_, key, value) => void parseBoolean(key, value),
  partialclone: () => {},
  worktreeconfig(draft, key, value) {
    draft.worktreeConfig = parseBoolean(key, value);
  },
};

/** Extensions that need version 1; the last three are newer than git 2.39. */
const VERSION_1: Readonly<Record<string, Extension>> = {
  "noop-v1": () => {},
  objectformat(draft, key, value) {
    draft.objectFormat = objectFormat(key, value);
  },
  compatobjectformat: (_, key, value) => void objectFormat(key, value),
  relativeworktrees: (_, key, value) => void parseBoolean(key, value),
  refstorage(draft, key, value) {
    if (value === undefined) throw missingValue(key);
    if (!REF_STORAGES.includes(value)) {
      throw unsupported(`invalid value for '${key}': '${value}'`);
    }
    draft.refStorage = value as RefStorage;
  },
};

/**
 * The format that the pairs of a repository's `config` (without includes)
 * say; `undefined` where it has no such file. Throws StorageError
 * "unsupported-repository" or "bad-config", in git's words.
 */
export function readRepositoryFormat(
  pairs: readonly ConfigPair[] | undefined,
): RepositoryFormat {
  const draft: Draft = {
    version: -1,
    objectFormat: SHA1,
    worktreeConfig: false,
    refStorage: "files",
    v1Only: [],
    unknown: [],
  };
  for (const [key, value] of pairs ?? []) {
    if (key === "core.repositoryformatversion") {
      draft.version = parseInt32(key, value);
    } else if (key.startsWith("extensions.")) {
      readExtension(draft, key, value);
    }
  }
  // setup.c: without a version nothing that was read counts.
  if (draft.version < 0) {
    return { objectFormat: SHA1, worktreeConfig: false, refStorage: "files" };
  }
  verify(draft);
  return draft;
}

function readExtension(
  draft: Draft,
  key: string,
  value: string | undefined,
): void {
  const name = key.slice("extensions.".length);
  if (Object.hasOwn(ANY_VERSION, name)) {
    ANY_VERSION[name]?.(draft, key, value);
  } else if (Object.hasOwn(VERSION_1, name)) {
    VERSION_1[name]?.(draft, key, value);
    draft.v1Only.push(name);
  } else {
    draft.unknown.push(name);
  }
}

/** setup.c: verify_repository_format. */
function verify(draft: Draft): void {
  if (draft.version > MAX_VERSION) {
    throw unsupported(
      `Expected git repo version <= ${MAX_VERSION}, found ${draft.version}`,
    );
  }
  if (draft.version >= 1 && draft.unknown.length > 0) {
    const plural = draft.unknown.length === 1 ? "" : "s";
    throw unsupported(
      `unknown repository extension${plural} found:` +
        draft.unknown.map((name) => `\n\t${name}`).join(""),
    );
  }
  if (draft.version === 0 && draft.v1Only.length > 0) {
    const plural = draft.v1Only.length === 1 ? "" : "s";
    throw unsupported(
      `repo version is 0, but v1-only extension${plural} found:` +
        draft.v1Only.map((name) => `\n\t${name}`).join(""),
    );
  }
}

function objectFormat(key: string, value: string | undefined): ObjectFormat {
  if (value === undefined) throw missingValue(key);
  const format = Object.hasOwn(OBJECT_FORMATS, value)
    ? OBJECT_FORMATS[value]
    : undefined;
  if (format === undefined) {
    throw unsupported(`invalid value for '${key}': '${value}'`);
  }
  return format;
}

function missingValue(key: string): StorageError {
  return new StorageError("bad-config", `missing value for '${key}'`);
}

function unsupported(message: string): StorageError {
  return new StorageError("unsupported-repository", message);
}
