/**
 * `git describe` of a commit, for `%(describe)`: the nearest tags as
 * builtin/describe.c of git 2.39 looks for them. Objects are read by a source;
 * each commit once.
 *
 * @see https://git-scm.com/docs/git-describe#_search_strategy
 * @module
 */

import { toBinary } from "../core/bytes.ts";
import type { ObjectFormat, Oid } from "../core/oid.ts";
import { wildmatch } from "../core/wildmatch.ts";
import { parseTag } from "../object/tag.ts";
import { DateQueue } from "./date_queue.ts";
import type { DescribeOptions } from "./format_sources.ts";

/** A ref below `refs/tags/`. */
export interface TagRef {
  /** The name behind `refs/tags/`, a binary string. */
  readonly name: string;
  /** What it names. */
  readonly oid: Oid;
  /** What tags lead to from there; the same where it is no tag object. */
  readonly peeled: Oid;
}

/** What is in a tag object. */
export interface TagFacts {
  /** The name in it. */
  readonly name: string;
  /** The object it tags. */
  readonly target: Oid;
  /** Seconds since 1970; 0 where nobody tagged. */
  readonly time: number;
}

/** What is needed of a commit. */
export interface DescribedCommit {
  /** Its parents, in order. */
  readonly parents: readonly Oid[];
  /** When it was committed, in seconds since 1970. */
  readonly time: number;
}

/** Where the search reads. */
export interface DescribeSource {
  /** All tags, in ascending order of their names. */
  tags(): Promise<readonly TagRef[]>;
  /** A tag object, `undefined` where it cannot be read. */
  tag(oid: Oid): Promise<TagFacts | undefined>;
  /** A commit, `undefined` where it cannot be read. */
  commit(oid: Oid): Promise<DescribedCommit | undefined>;
  /**
   * The shortest unique beginning of an id, of `fewest` digits at least; the
   * whole id for 0, as many as `core.abbrev` says for `undefined`.
   */
  abbreviate(oid: Oid, fewest: number | undefined): Promise<string>;
}

interface Name {
  readonly path: string;
  readonly oid: Oid;
  readonly isAnnotated: boolean;
  tag: TagFacts | undefined;
}

interface Candidate {
  readonly name: Name;
  readonly order: number;
  /** The bit that commits have which it can reach. */
  readonly within: number;
  depth: number;
}

/** builtin/describe.c: max_candidates. */
const MAX_CANDIDATES = 10;

/** What is said of a commit; "" where `git describe` would fail. */
export async function describeCommit(
  oid: Oid,
  options: DescribeOptions,
  source: DescribeSource,
): Promise<string> {
  const names = await readNames(options, source);
  if (names.size === 0) return "";
  const exact = names.get(oid);
  if (exact !== undefined && (options.tags || exact.isAnnotated)) {
    const shown = await showName(exact, source);
    if (shown === undefined || !shown.isMisnamed) return shown?.text ?? "";
    const target = exact.tag?.target ?? oid;
    return shown.text + await suffix(0, target, options, source);
  }
  const best = await search(oid, names, options, source);
  if (best === undefined) return "";
  const shown = await showName(best.name, source);
  if (shown === undefined) return "";
  if (!shown.isMisnamed && options.abbrev === 0) return shown.text;
  return shown.text + await suffix(best.depth, oid, options, source);
}

/** builtin/describe.c: get_name and add_to_known_names. */
async function readNames(
  { match, exclude }: DescribeOptions,
  source: DescribeSource,
): Promise<Map<Oid, Name>> {
  const matches = (globs: readonly string[], name: string) =>
    globs.some((glob) => wildmatch(glob, name, "exact", "plain"));
  const names = new Map<Oid, Name>();
  for (const { name: path, oid, peeled } of await source.tags()) {
    if (matches(exclude, path)) continue;
    if (match.length > 0 && !matches(match, path)) continue;
    const name: Name = {
      path,
      oid,
      isAnnotated: oid !== peeled,
      tag: undefined,
    };
    const known = names.get(peeled);
    if (known === undefined || await isBetter(name, known, source)) {
      names.set(peeled, name);
    }
  }
  return names;
}

/** builtin/describe.c: replace_name: of two annotated tags the later one. */
async function isBetter(
  name: Name,
  known: Name,
  source: DescribeSource,
): Promise<boolean> {
  if (!name.isAnnotated) return false;
  if (!known.isAnnotated) return true;
  known.tag ??= await source.tag(known.oid);
  if (known.tag === undefined) return true;
  const tag = await source.tag(name.oid);
  if (tag === undefined || known.tag.time >= tag.time) return false;
  name.tag = tag;
  return true;
}

/** builtin/describe.c: describe_commit, the walk. */
async function search(
  oid: Oid,
  names: ReadonlyMap<Oid, Name>,
  { tags }: DescribeOptions,
  source: DescribeSource,
): Promise<Candidate | undefined> {
  const queue = new DateQueue<Oid>();
  /** What reaches each commit that was seen. */
  const flags = new Map<Oid, number>([[oid, 0]]);
  const read = new Map<Oid, readonly Oid[]>();
  const enter = async (id: Oid): Promise<void> => {
    const commit = await source.commit(id);
    read.set(id, commit?.parents ?? []);
    queue.push(id, commit?.time ?? 0);
  };
  /** Takes parents in; tells which were seen before, with what they had. */
  const follow = async (
    id: Oid,
    onChange: (had: number, has: number) => void,
  ) => {
    const within = flags.get(id) as number;
    const parents = read.get(id) as readonly Oid[];
    read.delete(id);
    for (const parent of parents) {
      const had = flags.get(parent);
      flags.set(parent, (had ?? 0) | within);
      if (had === undefined) {
        await enter(parent);
        onChange(-1, within);
      } else if (read.has(parent)) {
        onChange(had, had | within);
      }
    }
  };
  const candidates: Candidate[] = [];
  let annotated = 0;
  let seen = 0;
  let gaveUp: Oid | undefined;
  await enter(oid);
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    seen++;
    const name = names.get(id);
    if (name !== undefined && (tags || name.isAnnotated)) {
      if (candidates.length === MAX_CANDIDATES) {
        gaveUp = id;
        break;
      }
      const order = candidates.length + 1;
      const within = 1 << order;
      candidates.push({ name, order, within, depth: seen - 1 });
      flags.set(id, (flags.get(id) as number) | within);
      if (name.isAnnotated) annotated++;
    }
    const within = flags.get(id) as number;
    for (const candidate of candidates) {
      if ((within & candidate.within) === 0) candidate.depth++;
    }
    if (annotated > 0 && queue.size === 0) {
      const least = Math.min(...candidates.map(({ depth }) => depth));
      const all = candidates.filter(({ depth }) => depth === least)
        .reduce((bits, candidate) => bits | candidate.within, 0);
      if ((within & all) === all) break;
    }
    await follow(id, () => {});
  }
  candidates.sort((a, b) => a.depth - b.depth || a.order - b.order);
  const best = candidates[0];
  if (best === undefined) return undefined;
  // finish_depth_computation: until the best reaches all that is left.
  let outside = 0;
  const isOutside = (bits: number) => (bits & best.within) === 0;
  for (const id of queue.items()) {
    if (isOutside(flags.get(id) as number)) outside++;
  }
  if (gaveUp !== undefined) {
    const commit = await source.commit(gaveUp);
    queue.push(gaveUp, commit?.time ?? 0);
    if (isOutside(flags.get(gaveUp) as number)) outside++;
  }
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    if (isOutside(flags.get(id) as number)) {
      outside--;
      best.depth++;
    } else if (outside === 0) {
      break;
    }
    await follow(id, (had, has) => {
      if (had === -1) outside += isOutside(has) ? 1 : 0;
      else if (isOutside(had) && !isOutside(has)) outside--;
    });
  }
  return best;
}

/** builtin/describe.c: append_name. */
async function showName(
  name: Name,
  source: DescribeSource,
): Promise<
  { readonly text: string; readonly isMisnamed: boolean } | undefined
> {
  if (!name.isAnnotated) return { text: name.path, isMisnamed: false };
  name.tag ??= await source.tag(name.oid);
  if (name.tag === undefined) return undefined;
  return { text: name.tag.name, isMisnamed: name.tag.name !== name.path };
}

async function suffix(
  depth: number,
  oid: Oid,
  { abbrev }: DescribeOptions,
  source: DescribeSource,
): Promise<string> {
  return `-${depth}-g${await source.abbreviate(oid, abbrev)}`;
}

/**
 * What a tag object holds, with the tolerance of tag.c: parse_tag_buffer.
 * Throws StorageError "corrupt-object".
 */
export function readTagFacts(
  data: Uint8Array,
  format: ObjectFormat,
): TagFacts {
  const { name, target } = parseTag(data, format);
  const text = toBinary(data);
  const tagAt = text.indexOf("\ntag ", format.hexLength);
  const lineAt = text.indexOf("\n", tagAt + 1) + 1;
  let time = 0;
  if (text.startsWith("tagger ", lineAt) && lineAt + 7 < text.length) {
    const mailEnd = text.indexOf(">", lineAt);
    if (mailEnd >= 0 && text.includes("\n", mailEnd)) {
      const digits = /[ \t\n\v\f\r]*\+?(\d+)/y;
      digits.lastIndex = mailEnd + 1;
      time = Number(digits.exec(text)?.[1] ?? 0);
    }
  }
  return { name, target, time };
}
