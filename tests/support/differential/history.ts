/**
 * Seeded histories that hold one of everything a walk may meet: merges, octopus
 * and criss-cross merges, several roots, moved and copied directories, reverts,
 * deep and wide trees, empty trees, symlinks, executables and submodules, and
 * tags of every kind of object. Written in stages, so that a repository can be
 * repacked between two of them.
 *
 * @module
 */

import {
  commitTime,
  type Dates,
  type FastImport,
  FIRST_DATE,
  type StreamCommit,
} from "../fixture_history.ts";
import type { Random } from "../random.ts";

/** A path's mode, and its content as fast-import names it. */
interface Entry {
  readonly mode: string;
  readonly ref: string;
}

type Tree = ReadonlyMap<string, Entry>;

interface Made extends StreamCommit {
  readonly tree: Tree;
}

/** The branch that a repository deletes again: what only it had is left over. */
export const DELETED_BRANCH = "refs/heads/gone";

const BRANCHES = ["main", "a", "b", "c", "gone"];
const DIRECTORIES = ["", "d0/", "d0/s1/", "d1/", "d1/s0/x/", "d2/s1/"];
const DEEP = Array.from({ length: 24 }, (_, i) => `p${i}/`).join("");
/** More entries are not copied around. */
const MAX_ENTRIES = 160;

/** A history that grows; the same randomness makes the same one. */
export class GrowingHistory {
  readonly #stream: FastImport;
  readonly #random: Random;
  readonly #dates: Dates;
  readonly #emptyTree: string;
  readonly #hexLength: number;
  readonly #tips = new Map<string, Made>();
  readonly #commits: Made[] = [];
  readonly #blobs: Entry[] = [];
  readonly #texts = new Map<string, string[]>();
  #tags = 0;

  /** Grows into `stream`; `emptyTree` is the empty tree's id. */
  constructor(
    stream: FastImport,
    random: Random,
    options: { readonly dates: Dates; readonly emptyTree: string },
  ) {
    this.#stream = stream;
    this.#random = random;
    this.#dates = options.dates;
    this.#emptyTree = options.emptyTree;
    this.#hexLength = options.emptyTree.length;
  }

  /** Marks of the commits, in the order they were made. */
  get marks(): number[] {
    return this.#commits.map(({ mark }) => mark);
  }

  /** Adds so many commits, or a few more. */
  grow(count: number): void {
    for (let made = 0; made < count;) made += this.#step();
  }

  /**
   * Adds a few annotated tags: of commits, of blobs, of tags. `tree` is an
   * expression for a tree to tag, where one exists by now.
   */
  tag(tree?: string): void {
    const random = this.#random;
    for (let i = 0; i < 4; i++) {
      this.#chain(random.pick(this.#commits).mark);
    }
    const blob = random.pick(this.#blobs).ref;
    this.#chain(Number(blob.slice(1)));
    if (tree !== undefined) this.#chain(tree);
  }

  /** A tag, and up to three tags of it. */
  #chain(target: number | string): void {
    let at = target;
    for (let level = this.#random.int(4); level >= 0; level--) {
      at = this.#stream.tag(`t${this.#tags++}`, at, FIRST_DATE);
    }
  }

  /** One branch's next commit, or the two of a criss-cross; how many it was. */
  #step(): number {
    const random = this.#random;
    const name = random.int(2) === 0 ? "main" : random.pick(BRANCHES);
    const tip = this.#tips.get(name);
    if (tip === undefined) {
      // Most branches start on another, some with a root of their own.
      const isRoot = this.#commits.length === 0 || random.int(4) === 0;
      this.#commit(name, isRoot ? [] : [random.pick(this.#commits)]);
      return 1;
    }
    const others = [...this.#tips.values()].filter((each) => each !== tip);
    const [otherName, other] =
      [...this.#tips].filter(([each]) => each !== name)[0] ?? [];
    if (other !== undefined && random.int(14) === 0) {
      this.#commit(name, [tip, other]);
      this.#commit(otherName as string, [other, tip]);
      return 2;
    }
    const kind = random.int(12);
    const count = kind === 0 ? 3 : kind <= 3 ? 1 : 0;
    const merged = new Set(
      Array.from(
        { length: others.length === 0 ? 0 : count },
        () => random.pick([...others, random.pick(this.#commits)]),
      ),
    );
    merged.delete(tip);
    this.#commit(name, [tip, ...merged]);
    return 1;
  }

  #commit(branch: string, parents: readonly Made[]): void {
    const random = this.#random;
    const before = parents[0]?.tree ?? new Map<string, Entry>();
    const tree = new Map(before);
    for (const { tree: theirs } of parents.slice(1)) {
      for (const [path, entry] of theirs) {
        if (random.int(2) === 0 && tree.size < MAX_ENTRIES) {
          tree.set(path, entry);
        }
      }
    }
    // One commit in six changes nothing, as some merges do.
    for (let n = random.int(6) === 0 ? 0 : 1 + random.int(3); n > 0; n--) {
      this.#change(tree);
    }
    const changes: string[] = [];
    for (const path of before.keys()) {
      if (!tree.has(path)) changes.push(`D ${path}`);
    }
    for (const [path, entry] of tree) {
      const old = before.get(path);
      if (old?.ref === entry.ref && old.mode === entry.mode) continue;
      changes.push(`M ${entry.mode} ${entry.ref} ${path}`);
    }
    const commit = this.#stream.commit({
      ref: `refs/heads/${branch}`,
      parents: parents.map(({ mark }) => mark),
      date: commitTime(random, this.#dates, this.#commits.length),
      changes,
    });
    const made = { ...commit, tree };
    this.#commits.push(made);
    this.#tips.set(branch, made);
  }

  #change(tree: Map<string, Entry>): void {
    const random = this.#random;
    const directory = random.pick(DIRECTORIES);
    const kind = random.int(24);
    if (kind <= 8) return this.#edit(tree, directory);
    switch (kind) {
      case 9:
        tree.set(`${directory}x${random.int(3)}`, {
          mode: "100755",
          ref: this.#blob(tree, `${directory}x`),
        });
        return;
      case 10:
        tree.set(`${directory}l${random.int(3)}`, {
          mode: "120000",
          ref: this.#keep("120000", `../f${random.int(5)}`),
        });
        return;
      case 11:
        tree.set(`${directory}sub${random.int(2)}`, {
          mode: "160000",
          ref: random.pick(["a", "b", "c"]).repeat(this.#hexLength),
        });
        return;
      case 12:
        tree.set(`${directory}e${random.int(2)}`, {
          mode: "040000",
          ref: this.#emptyTree,
        });
        return;
      case 13:
      case 14:
        return this.#again(tree, directory);
      case 15:
      case 16:
        return this.#carry(tree, "move");
      case 17:
      case 18:
        return this.#carry(tree, "copy");
      case 19:
        return this.#remove(tree);
      case 20:
        return this.#revert(tree);
      case 21:
        return this.#edit(tree, DEEP);
      case 22:
        return this.#wide(tree);
      default:
        // An empty root, now and then.
        if (random.int(4) === 0) tree.clear();
        else this.#edit(tree, directory);
    }
  }

  /** Another version of a file: the delta search finds the last. */
  #edit(tree: Map<string, Entry>, directory: string): void {
    const path = `${directory}f${this.#random.int(4)}`;
    tree.set(path, { mode: "100644", ref: this.#blob(tree, path) });
  }

  /** A content that some path had before, under another path or the same. */
  #again(tree: Map<string, Entry>, directory: string): void {
    if (this.#blobs.length === 0) return;
    const { ref } = this.#random.pick(this.#blobs);
    tree.set(`${directory}f${this.#random.int(4)}`, { mode: "100644", ref });
  }

  /** Moves or copies a directory: equal trees in different places. */
  #carry(tree: Map<string, Entry>, how: "move" | "copy"): void {
    const random = this.#random;
    const from = random.pick(DIRECTORIES.slice(1));
    const to = `${random.pick(["", "d0/", "y/"])}m${random.int(4)}/`;
    for (const [path, entry] of [...tree]) {
      if (!path.startsWith(from) || to.startsWith(from)) continue;
      if (how === "move") tree.delete(path);
      else if (tree.size >= MAX_ENTRIES) return;
      tree.set(to + path.slice(from.length), entry);
    }
  }

  #remove(tree: Map<string, Entry>): void {
    if (tree.size === 0) return;
    const path = this.#random.pick([...tree.keys()]);
    const directory = path.slice(0, path.lastIndexOf("/") + 1);
    if (directory === "" || this.#random.int(2) === 0) tree.delete(path);
    else {
      for (const each of [...tree.keys()]) {
        if (each.startsWith(directory)) tree.delete(each);
      }
    }
  }

  /** The whole tree of an earlier commit. */
  #revert(tree: Map<string, Entry>): void {
    if (this.#commits.length === 0) return;
    const old = this.#random.pick(this.#commits.slice(-12)).tree;
    tree.clear();
    for (const [path, entry] of old) tree.set(path, entry);
  }

  /** A directory of a hundred entries, or one more of them. */
  #wide(tree: Map<string, Entry>): void {
    const random = this.#random;
    const name = (i: number): string => `wide/w${i}`;
    const ref = this.#keep("100644", `wide ${random.int(50)}\n`);
    if (tree.has(name(0)) || tree.size > MAX_ENTRIES - 100) {
      tree.set(name(random.int(100)), { mode: "100644", ref });
      return;
    }
    for (let i = 0; i < 100; i++) tree.set(name(i), { mode: "100644", ref });
  }

  #blob(tree: Tree, path: string): string {
    const random = this.#random;
    const known = this.#texts.get(tree.get(path)?.ref ?? "");
    const text = known === undefined
      ? Array.from({ length: 4 + random.int(24) }, () => line(random))
      : known.with(random.int(known.length), line(random));
    if (random.int(3) === 0) text.push(line(random));
    const ref = this.#keep("100644", text.join(""));
    this.#texts.set(ref, text);
    return ref;
  }

  #keep(mode: string, content: string): string {
    const ref = `:${this.#stream.blob(content)}`;
    this.#blobs.push({ mode, ref });
    return ref;
  }
}

function line(random: Random): string {
  return `${random.int(0x7fffffff).toString(36)} ${
    random.next().toString(36).slice(2)
  }\n`;
}
