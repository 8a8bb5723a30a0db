/**
 * Everything a repository holds, in memory, and what reaches what: read with
 * the real git, for tests to reason about without it. Of both object formats.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { gitSync } from "../git.ts";

/** One object. */
export interface StoredObject {
  /** Its kind, by git's name. */
  readonly kind: string;
  /** Its content. */
  readonly data: Uint8Array;
  /** Ids of a commit's tree, a tree's entries, a tag's target. */
  readonly links: readonly string[];
  /** Ids of a commit's parents. */
  readonly parents: readonly string[];
}

/** Objects by id. */
export type StoredObjects = ReadonlyMap<string, StoredObject>;

/** Reads every object of a repository, those that it borrows too. */
export function readObjects(repository: string): StoredObjects {
  const objects = new Map<string, StoredObject>();
  const text = gitSync(
    ["cat-file", "--batch", "--batch-all-objects", "--unordered", "--buffer"],
    { cwd: repository },
  );
  for (let at = 0; at < text.length;) {
    const end = text.indexOf("\n", at);
    const [oid = "", kind = "", size] = text.slice(at, end).split(" ");
    const body = text.slice(end + 1, end + 1 + Number(size));
    at = end + 2 + Number(size);
    const named = (key: string): string[] => namedIn(body, key);
    objects.set(oid, {
      kind,
      data: Buffer.from(body, "latin1"),
      links: kind === "commit"
        ? named("tree")
        : kind === "tag"
        ? named("object")
        : kind === "tree"
        ? treeLinks(body, oid.length / 2)
        : [],
      parents: kind === "commit" ? named("parent") : [],
    });
  }
  return objects;
}

/**
 * What `from` reaches, itself included, where commits of `cut` have no parents.
 * Ids that are not there are left out.
 */
export function closure(
  objects: StoredObjects,
  from: Iterable<string>,
  cut: ReadonlySet<string>,
): Set<string> {
  const found = new Set<string>();
  const stack = [...from];
  for (let oid = stack.pop(); oid !== undefined; oid = stack.pop()) {
    const object = objects.get(oid);
    if (object === undefined || found.has(oid)) continue;
    found.add(oid);
    stack.push(...object.links);
    if (!cut.has(oid)) stack.push(...object.parents);
  }
  return found;
}

/** What a tag leads to in the end; other objects are that themselves. */
export function peeled(objects: StoredObjects, oid: string): string {
  let at = oid;
  for (;;) {
    const object = objects.get(at);
    const target = object?.kind === "tag" ? object.links[0] : undefined;
    if (target === undefined) return at;
    at = target;
  }
}

function namedIn(body: string, key: string): string[] {
  const header = body.slice(0, (body + "\n\n").indexOf("\n\n"));
  return [...header.matchAll(new RegExp(`^${key} ([0-9a-f]+)$`, "gm"))]
    .map((match) => match[1] as string);
}

/** Ids of a tree's entries without those of submodules. */
function treeLinks(body: string, rawLength: number): string[] {
  const links: string[] = [];
  for (let at = 0; at < body.length;) {
    const nul = body.indexOf("\0", at);
    const raw = body.slice(nul + 1, nul + 1 + rawLength);
    if (!body.startsWith("160000 ", at)) {
      links.push(Buffer.from(raw, "latin1").toString("hex"));
    }
    at = nul + 1 + rawLength;
  }
  return links;
}
