/**
 * Names of objects without a path: refs by their short names, ids and their
 * beginnings, `~`, `^` and `^{}` (object-name.c: get_oid_1). What needs a
 * reflog, a branch's configuration or a search has no meaning here.
 *
 * @see https://git-scm.com/docs/gitrevisions
 * @module
 */

import { type ObjectFormat, type Oid, parseOid } from "../core/oid.ts";
import {
  BLOB,
  COMMIT,
  type Kind,
  kindName,
  kindOf,
  TAG,
  TREE,
} from "../object/kind.ts";

/** Where names lead. Everything throws a StorageError for broken objects. */
export interface NameSource {
  /** The object format. */
  readonly format: ObjectFormat;
  /** The object of a ref by its full name, HEAD among them. */
  ref(name: string): Oid | undefined;
  /** The kind of an object, `undefined` where it is not here. */
  kind(oid: Oid): Kind | undefined;
  /** A tree's content. */
  tree(oid: Oid): Uint8Array;
  /** A commit's tree. */
  commitTree(oid: Oid): Oid;
  /** A commit's `index`th parent, from 0 on. */
  parent(oid: Oid, index: number): Oid | undefined;
  /** What a tag tags. */
  tagTarget(oid: Oid): Oid;
  /** Ids that begin with hex digits in lower case: all there are, up to some. */
  startingWith(digits: string): readonly Oid[];
  /** Takes what git would print while it looks, a line each. */
  say(line: string): void;
}

/** refs.c: ref_rev_parse_rules. */
const RULES: readonly (readonly [string, string])[] = [
  ["", ""],
  ["refs/", ""],
  ["refs/tags/", ""],
  ["refs/heads/", ""],
  ["refs/remotes/", ""],
  ["refs/remotes/", "/HEAD"],
];
const MIN_ABBREVIATION = 4;

/** refs.c: dwim_ref. The object of the first ref that a name may mean. */
export function dwimRef(
  name: string,
  source: Pick<NameSource, "ref">,
): { readonly oid: Oid; readonly isAmbiguous: boolean } | undefined {
  // object-name.c: interpret_branch_name.
  const meant = name === "@" ? "HEAD" : name;
  const found: Oid[] = [];
  for (const [before, after] of RULES) {
    const oid = source.ref(`${before}${meant}${after}`);
    if (oid !== undefined) found.push(oid);
  }
  const [oid] = found;
  return oid && { oid, isAmbiguous: found.length > 1 };
}

/** What an abbreviation is likely to mean, of several. */
type Hint = "any" | "committish" | "treeish";

/** A step from one object to another, behind the name of the first. */
type Step =
  | { readonly type: "parent" | "ancestor"; readonly count: number }
  | { readonly type: "peel"; readonly to: string; readonly text: string };

/** The object that a name without a path means, if any. */
export function resolveName(
  name: string,
  source: NameSource,
  hint: Hint = "any",
): Oid | undefined {
  const steps: Step[] = [];
  let base = name;
  let wanted = hint;
  for (;;) {
    const cut = lastStep(base);
    if (cut === "impossible") return undefined;
    if (cut === undefined) break;
    base = base.slice(0, cut.at);
    steps.push(cut.step);
    wanted = cut.hint;
  }
  let oid = resolveBase(base, source, wanted);
  while (oid !== undefined) {
    const step = steps.pop();
    if (step === undefined) return oid;
    oid = takeStep(oid, step, source);
  }
  return undefined;
}

interface Cut {
  readonly at: number;
  readonly step: Step;
  readonly hint: Hint;
}

/** The last step of a name, "impossible" where it can be no name at all. */
function lastStep(name: string): Cut | "impossible" | undefined {
  // From the end: a name may be all operators, and none is looked at twice.
  let digitsAt = name.length;
  while (isDigit(name.charCodeAt(digitsAt - 1))) digitsAt--;
  const at = digitsAt - 1;
  const operator = name[at];
  if (operator === "~" || operator === "^") {
    const digits = name.slice(digitsAt);
    const count = digits === "" ? 1 : Number(digits);
    if (count > 2 ** 31 - 1) return "impossible";
    const type = operator === "^" ? "parent" : "ancestor";
    return { at, step: { type, count }, hint: "committish" };
  }
  if (name.length < 4 || !name.endsWith("}")) return undefined;
  const open = name.lastIndexOf("^{");
  if (open < 0) return undefined;
  const to = name.slice(open + 2, -1);
  const hint = to === "commit"
    ? "committish"
    : to === "tree"
    ? "treeish"
    : "any";
  return { at: open, step: { type: "peel", to, text: name }, hint };
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function takeStep(
  oid: Oid,
  step: Step,
  source: NameSource,
): Oid | undefined {
  if (step.type === "peel") return peel(oid, step, source);
  let commit = toCommit(oid, source);
  if (step.type === "parent") {
    if (commit === undefined || step.count === 0) return commit;
    return source.parent(commit, step.count - 1);
  }
  for (let left = step.count; left > 0 && commit !== undefined; left--) {
    commit = source.parent(commit, 0);
  }
  return commit;
}

function toCommit(oid: Oid, source: NameSource): Oid | undefined {
  const target = untagged(oid, source);
  return source.kind(target) === COMMIT ? target : undefined;
}

function untagged(oid: Oid, source: NameSource): Oid {
  let at = oid;
  while (source.kind(at) === TAG) at = source.tagTarget(at);
  return at;
}

/** object-name.c: peel_onion and peel_to_type. */
function peel(
  oid: Oid,
  { to, text }: Extract<Step, { type: "peel" }>,
  source: NameSource,
): Oid | undefined {
  if (source.kind(oid) === undefined) return undefined;
  if (to === "object") return oid;
  if (to === "") return untagged(oid, source);
  const wanted = kindOf(to);
  if (wanted === undefined) return undefined;
  for (let at = oid;;) {
    const kind = source.kind(at);
    if (kind === wanted) return at;
    if (kind === TAG) at = source.tagTarget(at);
    else if (kind === COMMIT) at = source.commitTree(at);
    else {
      if (kind !== undefined) {
        source.say(
          `error: ${text}: expected ${to} type, but the object ` +
            `dereferences to ${kindName(kind)} type`,
        );
      }
      return undefined;
    }
  }
}

/** object-name.c: get_oid_basic, get_describe_name and get_short_oid. */
function resolveBase(
  name: string,
  source: NameSource,
  hint: Hint,
): Oid | undefined {
  const whole = parseOid(name, source.format);
  if (whole !== undefined) return whole;
  const ref = dwimRef(name, source);
  if (ref !== undefined) {
    if (ref.isAmbiguous || isAbbreviation(name, source)) {
      source.say(`warning: refname '${name}' is ambiguous.`);
    }
    return ref.oid;
  }
  const described = /.-g([0-9a-fA-F]+)$/s.exec(name)?.[1];
  if (described !== undefined) {
    const oid = resolveShort(described, source, "committish");
    if (oid !== undefined) return oid;
  }
  return resolveShort(name, source, hint);
}

function isAbbreviation(name: string, source: NameSource): boolean {
  return isShort(name, source) &&
    source.startingWith(name.toLowerCase()).length === 1;
}

function isShort(name: string, { format }: NameSource): boolean {
  return name.length >= MIN_ABBREVIATION && name.length <= format.hexLength &&
    /^[0-9a-fA-F]+$/.test(name);
}

/** object-name.c: get_short_oid. */
function resolveShort(
  name: string,
  source: NameSource,
  hint: Hint,
): Oid | undefined {
  if (!isShort(name, source)) return undefined;
  const all = source.startingWith(name.toLowerCase());
  if (all.length <= 1) return all[0];
  const likely = all.filter((oid) => isLikely(oid, hint, source));
  if (likely.length === 1) return likely[0];
  source.say(`error: short object ID ${name} is ambiguous`);
  return undefined;
}

function isLikely(oid: Oid, hint: Hint, source: NameSource): boolean {
  if (hint === "any") return true;
  const kind = source.kind(untagged(oid, source));
  if (kind === undefined || kind === BLOB) return false;
  return kind === COMMIT || (hint === "treeish" && kind === TREE);
}
