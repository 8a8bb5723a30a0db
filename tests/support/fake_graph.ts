/**
 * An object graph in memory for tests of walks: built by hand, or loaded whole
 * from a repository with the real git. Objects can be taken away again, to see
 * what a walk does without them. Not for bytes: `read` gives none.
 *
 * @module
 */

import { toHex } from "../../src/core/bytes.ts";
import { StorageError } from "../../src/core/errors.ts";
import type { ObjectSet } from "../../src/core/object_set.ts";
import { type Oid, SHA1 } from "../../src/core/oid.ts";
import { BLOB, COMMIT, type Kind, TAG, TREE } from "../../src/object/kind.ts";
import type {
  ObjectData,
  ObjectGraph,
  TreeEntries,
} from "../../src/storage/types.ts";
import { gitSync } from "./git.ts";

/** The sub-trees and blobs that a tree names. */
export interface FakeTree {
  /** Sub-trees. */
  readonly trees?: readonly number[];
  /** Blobs. */
  readonly blobs?: readonly number[];
}

/** An object graph whose objects are added one by one. */
export class FakeGraph implements ObjectGraph {
  readonly format = SHA1;
  /** How many trees were looked up, over all calls. */
  expanded = 0;
  /** How many trees the largest call asked for. */
  largestCall = 0;
  /** What expanding a tree is said to cost. */
  bytesPerTree = 100;
  readonly #oids: Oid[] = [];
  readonly #numbers = new Map<Oid, number>();
  readonly #kinds: (Kind | 0)[] = [];
  readonly #links: (readonly number[])[] = [];
  readonly #blobs: (readonly number[])[] = [];
  readonly #times: number[] = [];

  get count(): number {
    return this.#oids.length;
  }

  /** Adds a blob. */
  addBlob(oid?: Oid): number {
    return this.#add(BLOB, oid, [], [], 0);
  }

  /** Adds a tree. */
  addTree(entries: FakeTree, oid?: Oid): number {
    return this.#add(TREE, oid, entries.trees ?? [], entries.blobs ?? [], 0);
  }

  /** Adds a commit made at `time`. */
  addCommit(
    tree: number,
    parents: readonly number[],
    time: number,
    oid?: Oid,
  ): number {
    return this.#add(COMMIT, oid, [tree, ...parents], [], time);
  }

  /** Adds a tag. */
  addTag(target: number, oid?: Oid): number {
    return this.#add(TAG, oid, [target], [], 0);
  }

  /** Makes an object missing; its number stays. */
  remove(number: number): void {
    this.#kinds[number] = 0;
  }

  intern(oid: Oid): number {
    const known = this.#numbers.get(oid);
    if (known !== undefined) return known;
    const number = this.#oids.length;
    this.#oids.push(oid);
    this.#numbers.set(oid, number);
    this.#kinds.push(0);
    this.#links.push([]);
    this.#blobs.push([]);
    this.#times.push(0);
    return number;
  }

  internRaw(bytes: Uint8Array, at: number): number {
    return this.intern(toHex(bytes, at, at + 20) as Oid);
  }

  find(oid: Oid): number {
    const number = this.#numbers.get(oid) ?? -1;
    return number >= 0 && this.has(number) ? number : -1;
  }

  has(number: number): boolean {
    return (this.#kinds[number] ?? 0) !== 0;
  }

  oid(number: number): Oid {
    return this.#oids[number] as Oid;
  }

  kind(number: number): Kind {
    const kind = this.#kinds[number] ?? 0;
    if (kind === 0) {
      throw new StorageError("missing-object", this.oid(number));
    }
    return kind;
  }

  read(number: number): ObjectData {
    return { kind: this.kind(number), data: new Uint8Array(0) };
  }

  size(number: number): number {
    return this.read(number).data.length;
  }

  commitTree(commit: number): number {
    return this.#link(commit, COMMIT, 0);
  }

  commitTime(commit: number): number {
    this.#expect(commit, COMMIT);
    return this.#times[commit] as number;
  }

  parentCount(commit: number): number {
    this.#expect(commit, COMMIT);
    return (this.#links[commit] as readonly number[]).length - 1;
  }

  parent(commit: number, index: number): number {
    return this.#link(commit, COMMIT, index + 1);
  }

  tagTarget(tag: number): number {
    return this.#link(tag, TAG, 0);
  }

  expandTrees(trees: Int32Array, seen: ObjectSet, found: TreeEntries): number {
    this.expanded += trees.length;
    this.largestCall = Math.max(this.largestCall, trees.length);
    for (const tree of trees) {
      this.#expect(tree, TREE);
      for (const sub of this.#links[tree] as readonly number[]) {
        if (seen.add(sub)) found.trees.push(sub);
      }
      for (const blob of this.#blobs[tree] as readonly number[]) {
        if (seen.add(blob)) found.blobs.push(blob);
      }
    }
    return trees.length * this.bytesPerTree;
  }

  #add(
    kind: Kind,
    oid: Oid | undefined,
    links: readonly number[],
    blobs: readonly number[],
    time: number,
  ): number {
    const made = this.#oids.length.toString(16).padStart(40, "0") as Oid;
    const number = this.intern(oid ?? made);
    this.#kinds[number] = kind;
    this.#links[number] = links;
    this.#blobs[number] = blobs;
    this.#times[number] = time;
    return number;
  }

  #link(number: number, kind: Kind, index: number): number {
    this.#expect(number, kind);
    return (this.#links[number] as readonly number[])[index] as number;
  }

  #expect(number: number, kind: Kind): void {
    if (this.kind(number) !== kind) {
      const code = `not-a-${kind === COMMIT ? "commit" : "tree-or-tag"}`;
      throw new StorageError(code, this.oid(number));
    }
  }
}

/** Loads every object of a repository. */
export function loadGraph(repository: string): FakeGraph {
  const graph = new FakeGraph();
  const text = gitSync(
    ["cat-file", "--batch", "--batch-all-objects", "--unordered"],
    { cwd: repository },
  );
  for (let at = 0; at < text.length;) {
    const end = text.indexOf("\n", at);
    const [oid, kind, size] = text.slice(at, end).split(" ");
    const body = text.slice(end + 1, end + 1 + Number(size));
    at = end + 2 + Number(size);
    addParsed(graph, oid as Oid, kind as string, body);
  }
  return graph;
}

function addParsed(
  graph: FakeGraph,
  oid: Oid,
  kind: string,
  body: string,
): void {
  const header = body.slice(0, (body + "\n\n").indexOf("\n\n"));
  const named = (key: string): number[] =>
    [...header.matchAll(new RegExp(`^${key} ([0-9a-f]{40})$`, "gm"))]
      .map((match) => graph.intern(match[1] as Oid));
  if (kind === "commit") {
    const time = Number(/^committer .*> (\d+) /m.exec(header)?.[1]);
    const [tree] = named("tree");
    graph.addCommit(tree as number, named("parent"), time, oid);
  } else if (kind === "tag") {
    graph.addTag(named("object")[0] as number, oid);
  } else if (kind === "tree") {
    graph.addTree(parseTree(graph, body), oid);
  } else {
    graph.addBlob(oid);
  }
}

function parseTree(graph: FakeGraph, body: string): FakeTree {
  const trees: number[] = [];
  const blobs: number[] = [];
  for (let at = 0; at < body.length;) {
    const nul = body.indexOf("\0", at);
    const mode = body.slice(at, body.indexOf(" ", at));
    const raw = body.slice(nul + 1, nul + 21);
    const hex = [...raw]
      .map((c) => c.charCodeAt(0).toString(16).padStart(2, "0")).join("");
    if (mode === "40000") trees.push(graph.intern(hex as Oid));
    else if (mode !== "160000") blobs.push(graph.intern(hex as Oid));
    at = nul + 21;
  }
  return { trees, blobs };
}

/** Runs a walk to its end; `yields` counts its steps. */
export function finishWalk<T>(
  walk: Generator<number, T, void>,
): { readonly value: T; readonly yields: number } {
  for (let yields = 0;; yields++) {
    const { done, value } = walk.next();
    if (done) return { value, yields };
  }
}
