/**
 * A snapshot as archives see it: by ids, whose objects may be missing.
 *
 * @module
 */

import type { NameSource } from "../../archive/object_name.ts";
import type { TreeSource } from "../../archive/tree_walk.ts";
import { toBinary } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import type { ObjectFormat, Oid } from "../../core/oid.ts";
import { parseRefName } from "../../core/ref_name.ts";
import { BLOB, type Kind, TREE } from "../../object/kind.ts";
import type {
  ObjectStore,
  RefSnapshot,
  Snapshot,
} from "../../storage/types.ts";

/** attr.c: ATTR_MAX_FILE_SIZE, less the one byte that is too many. */
const MAX_ATTRIBUTES_BYTES = 100 * 1024 * 1024 - 1;

/** Archives are what large files are fetched by: more than walks may read. */
const MAX_BYTES = 2 ** 31 - 1;

/** A snapshot by ids. */
export class ArchiveObjects implements NameSource, TreeSource {
  readonly format: ObjectFormat;
  readonly say: (line: string) => void;
  /** The refs that the client may see. */
  readonly refs: RefSnapshot;
  readonly #store: ObjectStore;

  /**
   * The objects of `snapshot`, named by `refs`; `say` takes what git would
   * print to standard error, a line each.
   */
  constructor(
    snapshot: Pick<Snapshot, "objects">,
    refs: RefSnapshot,
    say: (line: string) => void,
  ) {
    this.refs = refs;
    this.#store = snapshot.objects;
    this.format = this.#store.format;
    this.say = say;
  }

  ref(name: string): Oid | undefined {
    const { refs } = this;
    if (name === "HEAD") return refs.head?.oid;
    const parsed = parseRefName(name);
    return parsed && refs.get(parsed)?.oid;
  }

  kind(oid: Oid): Kind | undefined {
    const number = this.#store.find(oid);
    return number < 0 ? undefined : this.#store.kind(number);
  }

  tree(oid: Oid): Uint8Array {
    return this.#read(oid, TREE, `unable to read tree ${oid}`);
  }

  /** A blob's content. Throws StorageError "unreadable-object". */
  blob(oid: Oid): Uint8Array {
    return this.#read(oid, BLOB, `cannot read '${oid}'`);
  }

  attributes(oid: Oid): string | undefined {
    const number = this.#store.find(oid);
    if (number < 0) return undefined;
    try {
      const { kind, data } = this.#store.read(number, MAX_ATTRIBUTES_BYTES);
      return kind === BLOB ? toBinary(data) : undefined;
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      if (error.code === "object-too-large") {
        this.say("warning: ignoring overly large gitattributes blob");
      }
      return undefined;
    }
  }

  commitTree(oid: Oid): Oid {
    return this.#store.oid(this.#store.commitTree(this.#store.intern(oid)));
  }

  /** A commit's time, seconds since 1970. */
  commitTime(oid: Oid): number {
    return this.#store.commitTime(this.#store.intern(oid));
  }

  parent(oid: Oid, index: number): Oid | undefined {
    const store = this.#store;
    const commit = store.intern(oid);
    if (index >= store.parentCount(commit)) return undefined;
    const parent = store.parent(commit, index);
    return store.has(parent) ? store.oid(parent) : undefined;
  }

  tagTarget(oid: Oid): Oid {
    return this.#store.oid(this.#store.tagTarget(this.#store.intern(oid)));
  }

  startingWith(digits: string): readonly Oid[] {
    return this.#store.startingWith?.(digits) ?? [];
  }

  #read(oid: Oid, kind: Kind, message: string): Uint8Array {
    const number = this.#store.find(oid);
    if (number < 0) throw new StorageError("unreadable-object", message);
    try {
      const read = this.#store.read(number, MAX_BYTES);
      if (read.kind === kind) return read.data;
    } catch (cause) {
      if (!(cause instanceof StorageError)) throw cause;
      throw new StorageError("unreadable-object", message, { cause });
    }
    throw new StorageError("unreadable-object", message);
  }
}
