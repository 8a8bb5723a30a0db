/**
 * Permissions of what is made in a repository: `core.sharedRepository`.
 *
 * @see https://git-scm.com/docs/git-config
 * @module
 */

import { StorageError } from "../../core/errors.ts";
import type { WritableFiles } from "../../core/write_files.ts";
import type { ConfigView } from "../types.ts";

/** Who shares a repository: bits to add, or the only ones; 0: as the umask. */
export interface SharedModes {
  /** Bits, as of 0660. */
  readonly bits: number;
  /** Whether no others stay. */
  readonly isExact: boolean;
}

const NOT_SHARED: SharedModes = { bits: 0, isExact: false };
const GROUP: SharedModes = { bits: 0o660, isExact: false };
const EVERYBODY: SharedModes = { bits: 0o664, isExact: false };

/** Reads the setting (setup.c: git_config_perm). */
export function sharedModes(config: ConfigView): SharedModes {
  const key = "core.sharedrepository";
  const value = config.get(key);
  if (value === undefined || value === "umask") return NOT_SHARED;
  if (value === "group") return GROUP;
  if (["all", "world", "everybody"].includes(value)) return EVERYBODY;
  if (!/^[0-7]+$/.test(value)) {
    return config.boolean(key) === true ? GROUP : NOT_SHARED;
  }
  const mode = parseInt(value, 8);
  if (mode === 0) return NOT_SHARED;
  if (mode === 1) return GROUP;
  if (mode === 2) return EVERYBODY;
  if ((mode & 0o600) !== 0o600) {
    throw new StorageError(
      "bad-config",
      "problem with core.sharedRepository filemode value " +
        `(0${mode.toString(8).padStart(3, "0")}).\n` +
        "The owner of files must always have read and write permissions.",
    );
  }
  return { bits: mode & 0o666, isExact: true };
}

/** Gives what was made at `path` the permissions that sharing asks for. */
export function shareFile(
  files: WritableFiles,
  path: string,
  shared: SharedModes,
): void {
  if (shared.bits === 0) return;
  const stat = files.lstat(path);
  if (stat?.mode === undefined) return;
  const old = stat.mode & 0o7777;
  const mode = sharedMode(old, stat.kind, shared);
  if (mode !== old) files.setMode(path, mode);
}

/** path.c: calc_shared_perm and adjust_shared_perm. */
export function sharedMode(
  old: number,
  kind: "file" | "directory" | "symlink" | "other",
  { bits, isExact }: SharedModes,
): number {
  let tweak = (old & 0o200) === 0 ? bits & ~0o222 : bits;
  if ((old & 0o100) !== 0) tweak |= (tweak & 0o444) >> 2;
  let mode = isExact ? (old & ~0o777) | tweak : old | tweak;
  if (kind === "directory") {
    mode |= (mode & 0o444) >> 2;
    if ((mode & 0o060) !== 0) mode |= 0o2000;
  }
  return mode;
}
