/**
 * What a repository's configuration says of pushes, as one value: the keys of
 * git's receive-pack, and those of ours that bound a push.
 *
 * @see https://git-scm.com/docs/git-config#Documentation/git-config.txt-receiveadvertiseAtomic
 * @module
 */

import { StorageError } from "../../core/errors.ts";
import { fsckSettings } from "../../object/fsck/settings.ts";
import type { FsckSettings } from "../../object/fsck/settings.ts";
import type { ConfigView } from "../../storage/types.ts";
import type { ReceiveBounds } from "../../wire/receive_request.ts";

/** What is done about a change that leaves somebody's checkout behind. */
export type DenyAction =
  /** Refused, and told how to allow it. */
  | "unconfigured"
  | "refuse"
  | "warn"
  | "ignore"
  | "updateinstead";

/** One bound of a push that `gitsrv.*` keys set. */
export interface PushLimitRow {
  /** Its name in {@linkcode PushLimits}. */
  readonly name: keyof PushLimits;
  /** The key, as it is documented. */
  readonly key: string;
  /** What it is unless set. */
  readonly default: number;
  /** What it bounds: one line. */
  readonly meaning: string;
}

/** Bounds of one push; 0 is none. */
export interface PushLimits extends ReceiveBounds {
  /** Bytes that all of its objects come to. */
  readonly maxInflatedBytes: number;
  /** The same, as a multiple of the pack's own bytes: {@linkcode GROUND}. */
  readonly maxInflation: number;
  /** Bytes that one object comes to. */
  readonly maxObjectBytes: number;
  /** Bytes of one object that has to be in memory as a whole. */
  readonly maxHeldBytes: number;
  /** Objects. */
  readonly maxObjects: number;
  /** Deltas on top of each other. */
  readonly maxDeltaDepth: number;
}

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

/** What any pack may come to, however small it is. */
export const GROUND: number = 128 * MIB;

/**
 * The bounds, for which the history of Linux (5 GB, 11 million objects that
 * come to some 150 GB) leaves room several times over.
 */
export const PUSH_LIMITS: readonly PushLimitRow[] = [
  {
    name: "maxCommandBytes",
    key: "gitsrv.maxCommandBytes",
    default: 64 * MIB,
    meaning: "bytes of one push's commands: some 600,000 of them",
  },
  {
    name: "maxOptions",
    key: "gitsrv.maxPushOptions",
    default: 1000,
    meaning: "push options",
  },
  {
    name: "maxOptionBytes",
    key: "gitsrv.maxPushOptionBytes",
    default: MIB,
    meaning: "bytes of push options; one that is no UTF-8 counts fourfold",
  },
  {
    name: "maxInflatedBytes",
    key: "gitsrv.maxInflatedBytes",
    default: 1024 * GIB,
    meaning: "bytes that the objects of one push come to",
  },
  {
    name: "maxInflation",
    key: "gitsrv.maxInflation",
    default: 4096,
    meaning: "the same beyond 128 MiB, as a multiple of the pack's own bytes",
  },
  {
    name: "maxObjectBytes",
    key: "gitsrv.maxObjectBytes",
    default: 1024 * GIB,
    meaning: "bytes of one object; a blob is never held",
  },
  {
    name: "maxHeldBytes",
    key: "gitsrv.maxHeldBytes",
    default: 512 * MIB,
    meaning: "bytes of one object that has to be in memory: a commit, tree " +
      "or tag, a delta's base, what a delta comes to",
  },
  {
    name: "maxObjects",
    key: "gitsrv.maxObjects",
    default: 50_000_000,
    meaning: "objects of one push",
  },
  {
    name: "maxDeltaDepth",
    key: "gitsrv.maxDeltaDepth",
    default: 10_000,
    meaning: "deltas on top of each other",
  },
];

/** Everything that configuration says of a push. */
export interface ReceiveSettings {
  /** `receive.advertiseAtomic`. */
  readonly advertiseAtomic: boolean;
  /** `receive.advertisePushOptions`. */
  readonly advertisePushOptions: boolean;
  /** `repack.useDeltaBaseOffset`. */
  readonly ofsDelta: boolean;
  /** `receive.denyDeletes`. */
  readonly denyDeletes: boolean;
  /** `receive.denyNonFastForwards`. */
  readonly denyNonFastForwards: boolean;
  /** `receive.denyCurrentBranch`. */
  readonly denyCurrentBranch: DenyAction;
  /** `receive.denyDeleteCurrent`. */
  readonly denyDeleteCurrent: DenyAction;
  /** `receive.shallowUpdate`. */
  readonly shallowUpdate: boolean;
  /** `receive.updateServerInfo`. */
  readonly updateServerInfo: boolean;
  /** `receive.fsckObjects` and its kin. */
  readonly fsck: FsckSettings;
  /** `transfer.unpackLimit`, or `receive.unpackLimit`. */
  readonly unpackLimit: number;
  /** `receive.keepAlive`, milliseconds; Infinity for none. */
  readonly keepAliveMs: number;
  /** `receive.maxInputSize`; 0 is none. */
  readonly maxInputBytes: number;
  /** `receive.procReceiveRefs`. */
  readonly procReceiveRefs: readonly string[];
  /** Our own bounds. */
  readonly limits: PushLimits;
}

const MAX_INT = 2 ** 31 - 1;
/** What a switch is that is on unless told. */
const ON = true;

/**
 * The settings of one repository. Throws a StorageError "bad-config", in git's
 * words, where a value is wrong (builtin/receive-pack.c: receive_pack_config).
 */
export function receiveSettings(config: ConfigView): ReceiveSettings {
  const flag = (key: string): boolean => config.boolean(key) ?? false;
  const isOn = (key: string): boolean => config.boolean(key) ?? ON;
  flag("transfer.advertisesid");
  const transferLimit = int32(config, "transfer.unpacklimit") ?? -1;
  const receiveLimit = int32(config, "receive.unpacklimit") ?? -1;
  const keepAlive = int32(config, "receive.keepalive") ?? 5;
  return {
    advertiseAtomic: isOn("receive.advertiseatomic"),
    advertisePushOptions: flag("receive.advertisepushoptions"),
    ofsDelta: isOn("repack.usedeltabaseoffset"),
    denyDeletes: flag("receive.denydeletes"),
    denyNonFastForwards: flag("receive.denynonfastforwards"),
    denyCurrentBranch: denyAction(config, "receive.denycurrentbranch"),
    denyDeleteCurrent: denyAction(config, "receive.denydeletecurrent"),
    shallowUpdate: flag("receive.shallowupdate"),
    updateServerInfo: flag("receive.updateserverinfo"),
    fsck: fsckSettings(config),
    unpackLimit: transferLimit >= 0
      ? transferLimit
      : receiveLimit >= 0
      ? receiveLimit
      : 100,
    keepAliveMs: keepAlive > 0 ? keepAlive * 1000 : Infinity,
    maxInputBytes: Math.max(0, config.integer("receive.maxinputsize") ?? 0),
    procReceiveRefs: config.all("receive.procreceiverefs"),
    limits: limitsOf(config),
  };
}

function limitsOf(config: ConfigView): PushLimits {
  const limits: Partial<Record<keyof PushLimits, number>> = {};
  for (const row of PUSH_LIMITS) {
    const value = config.integer(row.key.toLowerCase());
    limits[row.name] = value === undefined ? row.default : value;
  }
  // 0 is none, as of git's own limits.
  for (const row of PUSH_LIMITS.slice(0, 3)) {
    if ((limits[row.name] ?? 0) <= 0) limits[row.name] = Infinity;
  }
  return limits as PushLimits;
}

/** builtin/receive-pack.c: parse_deny_action. */
function denyAction(config: ConfigView, key: string): DenyAction {
  const value = config.get(key)?.toLowerCase();
  switch (value) {
    case undefined:
      return "unconfigured";
    case "ignore":
    case "warn":
    case "refuse":
    case "updateinstead":
      return value;
    default:
      return config.boolean(key) === true ? "refuse" : "ignore";
  }
}

/** A C `int`. */
function int32(config: ConfigView, key: string): number | undefined {
  const value = config.integer(key);
  if (value === undefined || Math.abs(value) <= MAX_INT) return value;
  throw new StorageError(
    "bad-config",
    `bad numeric config value '${config.get(key)}' for '${key}': out of range`,
  );
}

/** The table of bounds for the README, in Markdown, with a final newline. */
export function pushLimitsMarkdown(): string {
  const rows = PUSH_LIMITS.map((row) =>
    `| \`${row.key}\` | ${
      row.default.toLocaleString("en-US")
    } | ${row.meaning} |`
  );
  return ["| key | default | limit |", "| --- | --- | --- |", ...rows, ""]
    .join("\n");
}
