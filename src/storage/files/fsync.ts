/**
 * What of a repository is pressed to the disk before a push is told of it:
 * `gitsrv.fsync`, and git's own keys where that is "git".
 *
 * @see https://git-scm.com/docs/git-config#Documentation/git-config.txt-corefsync
 * @module
 */

import { StorageError } from "../../core/errors.ts";
import type { ConfigView } from "../types.ts";
import type { FsyncMode } from "../writes.ts";

/** The kinds of files that are pressed to the disk. */
export interface FsyncPlan {
  /** What it was made from. */
  readonly mode: FsyncMode;
  /** Packs. */
  readonly pack: boolean;
  /** Indexes of packs, and their reverse indexes. */
  readonly packMetadata: boolean;
  /** Loose objects. */
  readonly looseObject: boolean;
  /** Refs. */
  readonly reference: boolean;
  /** Directories, and whatever else git has no word for. */
  readonly rest: boolean;
}

/** What is pressed to the disk before a change of refs is told. */
export interface RefSync {
  /** The content of refs and of `packed-refs`, before it takes its place. */
  readonly content: boolean;
  /** Directories whose names have changed, and reflogs. */
  readonly names: boolean;
}

// cache.h: FSYNC_COMPONENTS_...
const PACK = 1;
const PACK_METADATA = 2;
const LOOSE_OBJECT = 4;
const REFERENCE = 8;
const OBJECTS = PACK | LOOSE_OBJECT;
const COMMITTED = OBJECTS | REFERENCE;
const ALL = COMMITTED | PACK_METADATA;
const DEFAULT = PACK | PACK_METADATA;

// In git's order: the start of a name stands for all that begin with it.
const COMPONENTS: readonly (readonly [string, number])[] = [
  ["loose-object", LOOSE_OBJECT],
  ["pack", PACK],
  ["pack-metadata", PACK_METADATA],
  ["commit-graph", 0],
  ["index", 0],
  ["objects", OBJECTS],
  ["reference", REFERENCE],
  ["derived-metadata", PACK_METADATA],
  ["committed", COMMITTED],
  ["added", COMMITTED],
  ["all", ALL],
];

/**
 * The plan that a repository's configuration asks for. `core.fsyncMethod` only
 * says how git presses; here it is `fsync` always, which does no less than the
 * others. Throws StorageError "bad-config" where `gitsrv.fsync` is none of
 * "full", "git" and "off".
 */
export function fsyncPlan(config: ConfigView): FsyncPlan {
  const mode = config.get("gitsrv.fsync") ?? "full";
  switch (mode) {
    case "full":
    case "git":
    case "off":
      return planFor(mode, config);
    default:
      throw new StorageError(
        "bad-config",
        `bad value '${mode}' for 'gitsrv.fsync': ` +
          "neither full, git nor off",
      );
  }
}

/** What of that a change of refs has to do in a mode. */
export function refSync(mode: FsyncMode, config: ConfigView): RefSync {
  const { reference, rest } = planFor(mode, config);
  return { content: reference, names: rest };
}

function planFor(mode: FsyncMode, config: ConfigView): FsyncPlan {
  const components = mode === "full"
    ? ALL
    : mode === "git"
    ? gitComponents(config)
    : 0;
  const has = (component: number) => (components & component) !== 0;
  return {
    mode,
    pack: has(PACK),
    packMetadata: has(PACK_METADATA),
    looseObject: has(LOOSE_OBJECT),
    reference: has(REFERENCE),
    rest: mode === "full",
  };
}

function gitComponents(config: ConfigView): number {
  const value = config.get("core.fsync");
  const components = value === undefined ? DEFAULT : parseComponents(value);
  // object-file.c: close_loose_object.
  const old = config.boolean("core.fsyncobjectfiles") ?? false;
  return old ? components | LOOSE_OBJECT : components;
}

/** config.c: parse_fsync_components; unknown names are passed over. */
function parseComponents(value: string): number {
  const parts = value.split(",").map((part) => part.replace(/^[ \t\n\r]+/, ""));
  let start = DEFAULT;
  let positive = 0;
  let negative = 0;
  for (const [i, part] of parts.entries()) {
    // "none" is a word at the end alone.
    if (part === "none" && i === parts.length - 1) start = 0;
    const isNegated = part.startsWith("-");
    const name = isNegated ? part.slice(1) : part;
    if (name === "") continue;
    for (const [component, bits] of COMPONENTS) {
      if (!component.startsWith(name)) continue;
      if (isNegated) negative |= bits;
      else positive |= bits;
    }
  }
  return (start & ~negative) | positive;
}
