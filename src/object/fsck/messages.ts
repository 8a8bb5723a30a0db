/**
 * The findings that git knows, by the ids that its configuration and its
 * messages use, and what it thinks of each where objects come in. Those of
 * git 2.39.
 *
 * fsck.h: FOREACH_FSCK_MSG_ID. Whoever takes objects in is strict: what is a
 * warning to `git fsck` is an error there (fsck.c: fsck_msg_type).
 *
 * @see https://git-scm.com/docs/git-fsck#_fsck_messages
 * @module
 */

import type { FsckLevel } from "./rules.ts";

const FATAL = [
  "nulInHeader",
  "unterminatedHeader",
] as const;

const ERRORS = [
  ...["badDate", "badDateOverflow", "badEmail", "badName"] as const,
  ...["badObjectSha1", "badParentSha1", "badTimezone", "badTree"] as const,
  ...["badTreeSha1", "badType", "duplicateEntries", "missingAuthor"] as const,
  ...["missingCommitter", "missingEmail", "missingNameBeforeEmail"] as const,
  ...["missingObject", "missingSpaceBeforeDate"] as const,
  ...["missingSpaceBeforeEmail", "missingTag", "missingTagEntry"] as const,
  ...["missingTree", "missingType", "missingTypeEntry"] as const,
  ...["multipleAuthors", "treeNotSorted", "unknownType"] as const,
  ...["zeroPaddedDate", "gitmodulesMissing", "gitmodulesBlob"] as const,
  ...["gitmodulesLarge", "gitmodulesName", "gitmodulesSymlink"] as const,
  ...["gitmodulesUrl", "gitmodulesPath", "gitmodulesUpdate"] as const,
  ...["gitattributesMissing", "gitattributesLarge"] as const,
  ...["gitattributesLineLength", "gitattributesBlob"] as const,
  // Warnings to `git fsck`.
  ...["emptyName", "fullPathname", "hasDot", "hasDotdot"] as const,
  ...["hasDotgit", "nullSha1", "zeroPaddedFilemode", "nulInCommit"] as const,
];

const WARNINGS = [
  ...["badFilemode", "gitmodulesParse", "gitignoreSymlink"] as const,
  ...["gitattributesSymlink", "mailmapSymlink", "badTagName"] as const,
  ...["missingTaggerEntry"] as const,
];

const IGNORED = ["extraHeaderEntry"] as const;

/** The id of a kind of finding. */
export type MessageId =
  | typeof FATAL[number]
  | typeof ERRORS[number]
  | typeof WARNINGS[number]
  | typeof IGNORED[number];

const LEVELS: ReadonlyMap<string, FsckLevel> = new Map([
  ...[...FATAL, ...ERRORS].map((id) => [id.toLowerCase(), "error"] as const),
  ...WARNINGS.map((id) => [id.toLowerCase(), "warn"] as const),
  ...IGNORED.map((id) => [id.toLowerCase(), "ignore"] as const),
]);

const UNALTERABLE: ReadonlySet<string> = new Set(
  FATAL.map((id) => id.toLowerCase()),
);

/** What becomes of a finding unless it is told; `id` in lower case. */
export function defaultLevel(id: string): FsckLevel | undefined {
  return LEVELS.get(id);
}

/** Whether a finding, its id in lower case, is an error whatever is said. */
export function isFatal(id: string): boolean {
  return UNALTERABLE.has(id);
}

/**
 * Takes one finding about the object that is looked at; true where it is an
 * error. `text` is what git says of it, a binary string.
 */
export type Report = (id: MessageId, text: string) => boolean;
