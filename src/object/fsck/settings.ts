/**
 * Whether and how objects that are pushed are checked, from configuration.
 *
 * builtin/receive-pack.c: receive_pack_config; fsck.c: fsck_set_msg_type;
 * oidset.c: oidset_parse_file.
 *
 * @see https://git-scm.com/docs/git-config#Documentation/git-config.txt-receivefsckltmsg-idgt
 * @module
 */

import { toBinary } from "../../core/bytes.ts";
import { RefusedError, StorageError } from "../../core/errors.ts";
import { type ObjectFormat, type Oid, parseOid } from "../../core/oid.ts";
import { defaultLevel, isFatal } from "./messages.ts";
import type { FsckLevel, FsckRules } from "./rules.ts";

/** The part of a repository's configuration that is read. */
export interface FsckConfig {
  /** The last value of `key` as git's boolean. */
  boolean(key: string): boolean | undefined;
  /** Every key with its values, in order. */
  entries(): Iterable<readonly [string, string]>;
}

/** What configuration says. */
export interface FsckSettings {
  /** Whether objects are checked at all. */
  readonly isEnabled: boolean;
  /** Levels by message id in lower case. */
  readonly levels: ReadonlyMap<string, FsckLevel>;
  /**
   * Files of objects whose findings do not count, as they are written: "~/"
   * is the user's home, and what is relative starts at the git directory.
   */
  readonly skipLists: readonly string[];
  /** What git warns of, behind "warning: ". */
  readonly warnings: readonly string[];
}

const PREFIX = "receive.fsck.";

/**
 * Reads the settings. Throws StorageError "bad-config" with git's words where
 * git ends: before a client is told anything.
 */
export function fsckSettings(config: FsckConfig): FsckSettings {
  const levels = new Map<string, FsckLevel>();
  const skipLists: string[] = [];
  const warnings: string[] = [];
  for (const [key, value] of config.entries()) {
    if (!key.startsWith(PREFIX)) continue;
    const id = key.slice(PREFIX.length);
    if (id === "skiplist") {
      skipLists.push(value);
    } else if (defaultLevel(id) === undefined) {
      warnings.push(`skipping unknown msg id '${id}'`);
    } else {
      levels.set(id, parseLevel(value));
    }
  }
  const isEnabled = config.boolean("receive.fsckobjects") ??
    config.boolean("transfer.fsckobjects") ?? false;
  return { isEnabled, levels, skipLists, warnings };
}

function parseLevel(value: string): FsckLevel {
  if (value === "error" || value === "warn" || value === "ignore") return value;
  throw new StorageError("bad-config", `Unknown fsck message type: '${value}'`);
}

/**
 * The rules that settings come to; `readFile` gives a skip list, `undefined`
 * where it cannot be read. Throws a RefusedError "fsck-setup" with what git
 * says behind "fatal: ", as it does when a pack arrives.
 */
export function fsckRules(
  settings: FsckSettings,
  format: ObjectFormat,
  readFile: (path: string) => Uint8Array | undefined,
): FsckRules {
  for (const [id, level] of settings.levels) {
    if (level !== "error" && isFatal(id)) {
      throw refusal(`Cannot demote ${id} to ${level}`);
    }
  }
  const skip = new Set<Oid>();
  for (const path of settings.skipLists) {
    const bytes = readFile(path);
    if (bytes === undefined) {
      throw refusal(`could not open object name list: ${path}`);
    }
    for (const oid of parseSkipList(bytes, format)) skip.add(oid);
  }
  return { levels: settings.levels, skip };
}

/** Reads one id a line; "#" starts a comment. */
function* parseSkipList(
  bytes: Uint8Array,
  format: ObjectFormat,
): Generator<Oid> {
  for (const line of toBinary(bytes).split("\n")) {
    // A NUL ends the text for C.
    const text = (/^[^#\0]*/.exec(line) as RegExpExecArray)[0]
      .replace(/^[ \t\r]+|[ \t\r]+$/g, "");
    if (text === "") continue;
    const oid = parseOid(text, format);
    if (oid === undefined) throw refusal(`invalid object name: ${text}`);
    yield oid;
  }
}

function refusal(message: string): RefusedError {
  return new RefusedError("fsck-setup", message);
}
