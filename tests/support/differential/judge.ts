/**
 * What must hold of two servers' answers to the same fetch, and what of them is
 * tolerated.
 *
 * Of objects that a pack holds:
 * - What git sends and the client lacks, we send.
 * - What we leave out is at the client already, by what it said itself. git
 *   finds other objects at the client with `pack.useSparse` than without, and
 *   we find both (src/graph/select.ts); bitmaps find all. A tag that
 *   `include-tag` added stays away with the object that it was added for; git
 *   adds tags of a thin pack's bases, too, which nobody asked for.
 *   Of a guarded repository we add the tags that the client may see, git those
 *   of the whole repository.
 * - What we send beyond git is at the client already, or a tag of that which
 *   `include-tag` added; and git sends it too when it may not use its bitmaps,
 *   with which it finds all that the client has.
 *
 * Of lines: they are equal, but that we may be ready where git is not yet. It
 * looks at no commit older than the oldest that the client named, except at the
 * wants, and so misses a way that leads over a want which it sees later
 * (commit-reach.c: can_all_from_reach_with_flag).
 *
 * In v0 git takes hidden tips for commits that reach what the client has
 * (HIDDEN_REF of upload-pack.c is RESULT of commit-reach.c), and is ready too
 * soon. Where that can be, only the soundness of ours is judged.
 *
 * A shallow repository forgets its own boundary where git is asked for
 * `deepen-since` or `deepen-not`: we tell it, and where git then fails for what
 * it does not have, only the soundness of ours is judged.
 *
 * Of the pack: it is sound, with deltas as the client asked for, in a repository
 * of exactly what the client said it has; and afterwards the client has
 * everything that it wanted, where it asked for no filter.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Client, Packer } from "./client.ts";
import { OPEN } from "./exposure.ts";
import { closure, peeled } from "./objects.ts";
import { type PackContents, readPack } from "./pack_reader.ts";
import type { Specimen } from "./repository.ts";
import type { Fetch } from "./request.ts";
import type { Outcome } from "./servers.ts";

/** How a case ended well; "sound" where there was nothing to compare with. */
export type Verdict =
  | "equal"
  | "fewer"
  | "fewest"
  | "more"
  | "sound"
  | "no pack"
  | "refused";

/** One fetch with both answers. */
export interface Case {
  /** The repository. */
  readonly specimen: Specimen;
  /** The fetch. */
  readonly fetch: Fetch;
  /** Our answer. */
  readonly ours: Outcome;
  /** git's. */
  readonly theirs: Outcome;
  /** Asks git once more, with other settings. */
  readonly again: (setting: string) => Promise<Outcome>;
}

/** Throws an AssertionError where our answer breaks one of the rules. */
export async function judge(
  { specimen, fetch, ours, theirs, again }: Case,
  client: Client,
  packer: Packer,
): Promise<Verdict> {
  const isLost = theirs.failure !== undefined && asksRevList(fetch) &&
    specimen.shallow.length > 0 && /repository corruption/.test(theirs.failure);
  if (theirs.failure !== undefined && !isLost) {
    if (fetch.filter.includes("sparse:") && isPackingError(theirs.failure)) {
      assert.match(ours.failure ?? "", /sparse (blob|filter)|relative path/);
      return "refused";
    }
    assert.ok(
      // In v0 it tells its own terminal the name of the program, too.
      ours.failure?.includes(theirs.failure.trim().replace(/^git /, "")),
      `git refuses with ${theirs.failure}, ours: ${ours.failure}`,
    );
    return "refused";
  }
  assert.equal(ours.failure, undefined, "git does not refuse");
  if (ours.answer === undefined) throw new TypeError("No answer");
  const { answer } = ours;
  const isMisled = theirs.answer !== undefined &&
    theirs.answer.lines.some((line) =>
      isReady(line) && !answer.lines.includes(line)
    ) && mayMeetHidden(specimen, fetch);
  if (theirs.answer !== undefined && !isMisled) {
    checkLines(answer.lines, theirs.answer.lines, { specimen, fetch });
    const hasPack = theirs.answer.pack !== undefined;
    assert.equal(answer.pack !== undefined, hasPack, "a pack");
  }
  if (answer.pack === undefined) return "no pack";

  const read = (pack: Uint8Array): PackContents =>
    readPack(pack, specimen.format === "sha1" ? 40 : 64, specimen.objects);
  const contents = read(answer.pack);
  checkDeltas(contents, fetch);
  const had = closure(
    specimen.objects,
    [...fetch.haves, ...fetch.shallow],
    new Set([...fetch.shallow, ...specimen.shallow]),
  );
  const sent = new Set(contents.oids);
  assert.equal(sent.size, contents.oids.length, "an object twice");
  const setOf = ({ answer }: Outcome): ReadonlySet<string> =>
    new Set(answer?.pack === undefined ? [] : read(answer.pack).oids);
  const verdict = isLost || isMisled ? "sound" : await compare(
    { specimen, fetch, had },
    { sent, expected: setOf(theirs) },
    async (setting) => setOf(await again(setting)),
  );
  const shallow = newShallow(answer.lines, fetch, specimen);
  const refusal = await client.refusal(
    answer.pack,
    {
      objects: had,
      shallow: shallow.all,
      clone: fetch.filter === "" ? "whole" : "partial",
    },
    packer,
  );
  assert.equal(refusal, undefined, "index-pack takes the pack");
  // What a filter lets through was compared with what git lets through.
  if (fetch.filter !== "") return verdict;
  const needed = closure(
    specimen.objects,
    [...fetch.wants, ...shallow.lifted],
    shallow.all,
  );
  assert.deepEqual(
    [...needed].filter((oid) => !sent.has(oid) && !had.has(oid)),
    [],
    "objects that the client lacks afterwards",
  );
  return verdict;
}

/** git's pack-objects died; why, its client is told as if it was progress. */
function isPackingError(failure: string): boolean {
  return /repository corruption|pack-objects died/.test(failure);
}

/** Whether it asks for `deepen-since` or `deepen-not`. */
function asksRevList({ depth }: Fetch): boolean {
  return depth.some((line) => line.startsWith("deepen-"));
}

function isReady(line: string): boolean {
  return /^(ACK \w+ (ready|continue)|ready)$/.test(line);
}

/** Whether a v0 client's wants lead to tips that can be hidden. */
function mayMeetHidden(
  { exposure, objects, refs }: Specimen,
  { protocol, wants }: Fetch,
): boolean {
  if (protocol === 2 || !exposure.config.some((line) => /hide/.test(line))) {
    return false;
  }
  const reached = closure(objects, wants, new Set());
  return [...refs.values()].some((oid) => reached.has(peeled(objects, oid)));
}

function checkLines(
  ours: readonly string[],
  theirs: readonly string[],
  { specimen, fetch }: Pick<Case, "specimen" | "fetch">,
): void {
  // Of a shallow repository git tells some commits of its boundary twice, and
  // others not at all (src/graph/shallow.ts).
  const told = theirs.filter((line, i) =>
    !line.startsWith("shallow ") || line !== theirs[i - 1]
  );
  const isForgotten = (line: string): boolean =>
    asksRevList(fetch) &&
    specimen.shallow.includes(line.slice("shallow ".length));
  const extra = ours.filter((line) =>
    !told.includes(line) && !isForgotten(line)
  );
  const sooner = extra.length > 0 && extra.every(isReady) &&
    allReachHaves(specimen, fetch, newShallow(theirs, fetch, specimen).lifted);
  const kept = ours.filter((line) =>
    told.includes(line) || !isForgotten(line) && !(sooner && isReady(line))
  );
  assert.deepEqual(kept, told, "lines");
}

/** Whether every wanted commit reaches one that the client has. */
function allReachHaves(
  { objects, shallow }: Specimen,
  fetch: Fetch,
  lifted: readonly string[],
): boolean {
  const cut = new Set([...fetch.shallow, ...shallow]);
  const parents = (oid: string): readonly string[] =>
    objects.get(oid)?.parents ?? [];
  const haves = new Set(fetch.haves.flatMap((oid) => [oid, ...parents(oid)]));
  return [...fetch.wants, ...lifted.flatMap(parents)].every((want) =>
    objects.get(peeled(objects, want))?.kind !== "commit" ||
    [...closure(objects, [want], cut)].some((oid) => haves.has(oid))
  );
}

function checkDeltas(contents: PackContents, { features }: Fetch): void {
  if (!features.has("thin-pack")) {
    assert.deepEqual(contents.outerBases, [], "bases outside the pack");
  }
  if (!features.has("ofs-delta")) {
    assert.equal(contents.offsetDeltas, 0, "bases by their offset");
  }
}

async function compare(
  { specimen, fetch, had }: {
    readonly specimen: Specimen;
    readonly fetch: Fetch;
    readonly had: ReadonlySet<string>;
  },
  { sent, expected }: Record<"sent" | "expected", ReadonlySet<string>>,
  again: (setting: string) => Promise<ReadonlySet<string>>,
): Promise<Verdict> {
  const left = [...expected].filter((oid) => !sent.has(oid));
  const { objects } = specimen;
  const isTag = (oid: string): boolean =>
    fetch.features.has("include-tag") && objects.get(oid)?.kind === "tag";
  const isGuarded = specimen.exposure !== OPEN;
  const isAddedTag = (oid: string): boolean => {
    if (!isTag(oid)) return false;
    if (isGuarded) return true;
    const target = peeled(objects, oid);
    return left.includes(target) ||
      fetch.features.has("thin-pack") && had.has(target) && !sent.has(target);
  };
  assert.deepEqual(
    left.filter((oid) => !had.has(oid) && !isAddedTag(oid)).map(
      naming(objects),
    ),
    [],
    "objects that git sends and the client lacks",
  );
  const more = [...sent].filter((oid) => !expected.has(oid));
  if (more.length === 0) {
    if (left.length === 0) return "equal";
    const other = await again(`pack.useSparse=${!fetch.sparse}`);
    return left.every((oid) => !other.has(oid)) ? "fewer" : "fewest";
  }
  const allowed = await again("pack.useBitmaps=false");
  const isOverSent = (oid: string): boolean =>
    isGuarded && isTag(oid) ||
    allowed.has(oid) &&
      (had.has(oid) || isTag(oid) && more.includes(peeled(objects, oid)));
  assert.deepEqual(
    more.filter((oid) => !isOverSent(oid)).map(naming(objects)),
    [],
    "objects that git does not send",
  );
  return "more";
}

function naming(objects: Specimen["objects"]): (oid: string) => string {
  return (oid) => `${objects.get(oid)?.kind ?? "unknown"} ${oid}`;
}

/** The client's boundary after the answer, and what is none any more. */
function newShallow(
  lines: readonly string[],
  fetch: Fetch,
  specimen: Specimen,
): { readonly all: Set<string>; readonly lifted: readonly string[] } {
  const all = new Set([...fetch.shallow, ...specimen.shallow]);
  const lifted: string[] = [];
  for (const line of lines) {
    const [verb, oid = ""] = line.split(" ");
    if (verb === "shallow") all.add(oid);
    if (verb === "unshallow" && all.delete(oid)) lifted.push(oid);
  }
  return { all, lifted };
}
