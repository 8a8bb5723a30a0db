/**
 * A repository that lives in memory: for tests, demonstrations and programs
 * that serve what they compute.
 *
 * @module
 */

import { fromUtf8, utf8ToBinary } from "../../core/bytes.ts";
import { UsageError } from "../../core/errors.ts";
import { type ObjectFormat, type Oid, SHA1 } from "../../core/oid.ts";
import {
  isSafeRefName,
  parseRefName,
  type RefName,
} from "../../core/ref_name.ts";
import type { Kernels } from "../../kernels/types.ts";
import {
  BLOB,
  COMMIT,
  type Kind,
  kindName,
  TAG,
  TREE,
} from "../../object/kind.ts";
import { parseCommit } from "../../object/commit.ts";
import { parseTag } from "../../object/tag.ts";
import { encodeTree, parseTree, treeEntryKind } from "../../object/tree.ts";
import { resolveDeltas } from "../../pack/intake/resolve_deltas.ts";
import type { ObjectStoreOptions } from "../objects/options.ts";
import { ObjectSource } from "../objects/source.ts";
import type { ConfigView, Repository, Snapshot } from "../types.ts";
import { packIntake } from "../intake.ts";
import type { RefWriter, RepositoryWriter } from "../writes.ts";
import {
  checkTreeEntries,
  formatCommit,
  formatTag,
  type NewCommit,
  type NewTag,
  type NewTreeEntry,
} from "./memory_objects.ts";
import { MemoryPacks } from "./memory_packs.ts";
import { MemoryQuarantine } from "./memory_quarantine.ts";
import { MemoryRefWriter } from "./memory_ref_writer.ts";
import { MemoryRefs } from "./memory_refs.ts";
import { PlainConfig, type PlainConfigValues } from "./plain_config.ts";

/** How to make a {@linkcode MemoryRepository}. */
export interface MemoryRepositoryInit {
  /** The kernels to hash and deflate with. */
  readonly kernels: Kernels;
  /** SHA-1 unless told. */
  readonly format?: ObjectFormat;
  /** Its configuration; empty unless told. */
  readonly config?: PlainConfigValues;
  /** Bounds of its caches. */
  readonly objects?: ObjectStoreOptions;
}

/**
 * A repository in memory. It starts empty, with HEAD on `refs/heads/main`.
 * Whatever is added is checked, so that what it serves passes `git fsck`;
 * what does not throws a UsageError.
 */
export class MemoryRepository implements Repository {
  /** Its object format. */
  readonly format: ObjectFormat;
  /** Its configuration. */
  readonly config: ConfigView;
  readonly #init: MemoryRepositoryInit & { readonly format: ObjectFormat };
  readonly #packs: MemoryPacks;
  /** Changes its refs by git's rules. */
  readonly refWriter: RefWriter;
  readonly #refs = new MemoryRefs();
  readonly #source: ObjectSource;

  /** An empty repository. */
  constructor(init: MemoryRepositoryInit) {
    const { kernels, format = SHA1 } = init;
    this.#init = { ...init, format };
    this.format = format;
    this.config = new PlainConfig(init.config);
    this.#packs = new MemoryPacks(format, kernels);
    this.refWriter = new MemoryRefWriter(this.#refs, format);
    this.#source = new ObjectSource(
      { packs: this.#packs },
      format,
      kernels,
      init.objects,
    );
  }

  /** Adds a blob; text is written as UTF-8. */
  addBlob(data: Uint8Array | string): Oid {
    return this.#packs.add(
      BLOB,
      typeof data === "string" ? fromUtf8(data) : data,
    );
  }

  /**
   * Adds a tree; the order of its entries is git's, whatever the order here.
   * Every entry must be here and of the kind its mode says, but for gitlinks.
   */
  addTree(entries: readonly NewTreeEntry[]): Oid {
    const checked = checkTreeEntries(entries);
    for (const { mode, oid } of checked) {
      const kind = treeEntryKind(mode);
      if (kind === "tree") this.#require(oid, TREE);
      else if (kind === "blob") this.#require(oid, BLOB);
    }
    return this.#packs.add(TREE, encodeTree(checked));
  }

  /** Adds a commit; its tree and its parents must be here. */
  addCommit(commit: NewCommit): Oid {
    this.#require(commit.tree, TREE);
    for (const parent of commit.parents ?? []) this.#require(parent, COMMIT);
    return this.#packs.add(COMMIT, fromUtf8(formatCommit(commit)));
  }

  /** Adds an annotated tag, without a ref; its target must be here. */
  addTag(tag: NewTag): Oid {
    const kind = kindName(this.#require(tag.target));
    return this.#packs.add(TAG, fromUtf8(formatTag(tag, kind)));
  }

  /**
   * Adds an object as it is. It must parse; what it names need not be here.
   * Throws a StorageError "corrupt-object" where it does not parse.
   */
  addObject(kind: Kind, data: Uint8Array): Oid {
    if (kind === COMMIT) parseCommit(data, this.format);
    if (kind === TREE) parseTree(data, this.format);
    if (kind === TAG) parseTag(data, this.format);
    return this.#packs.add(kind, data);
  }

  /**
   * Lets a ref point to an object that is here; a branch only to a commit.
   * "HEAD" detaches HEAD.
   */
  setRef(name: string, oid: Oid): void {
    const refName = this.#refName(name);
    const isBranch = name === "HEAD" || name.startsWith("refs/heads/");
    this.#require(oid, isBranch ? COMMIT : undefined);
    this.#refs.set(refName, oid);
  }

  /** Lets a ref, such as HEAD, stand for another, which may not be yet. */
  setSymbolicRef(name: string, target: string): void {
    const refName = this.#refName(name);
    const targetName = parseRefName(utf8ToBinary(target));
    if (targetName === undefined || !target.startsWith("refs/")) {
      throw new UsageError(
        "bad-ref",
        `Cannot let ref "${name}" stand for "${target}": not below refs/`,
      );
    }
    this.#refs.setSymbolic(refName, targetName);
  }

  /** Takes a ref away; false where there is none. */
  deleteRef(name: string): boolean {
    return this.#refs.delete(this.#refName(name));
  }

  /** A view of what is in it now; see {@linkcode Repository.snapshot}. */
  snapshot(): Promise<Snapshot> {
    const refs = this.#refs.now();
    const objects = this.#source.snapshot();
    return Promise.resolve({
      id: `${refs.id} ${objects.id}`,
      refs,
      objects: objects.store,
      shallow: [],
      [Symbol.dispose]: () => objects.release(),
    });
  }

  /** What changes it by git's rules, as a push does. */
  writer(): Promise<RepositoryWriter> {
    const { format, kernels, objects } = this.#init;
    const intake = packIntake({ format, kernels, resolve: resolveDeltas });
    return Promise.resolve({
      refs: this.refWriter,
      openQuarantine: () =>
        Promise.resolve(
          new MemoryQuarantine({
            ...{ format, kernels, intake, packs: this.#packs },
            refs: () => this.#refs.now(),
            ...(objects && { objects }),
          }),
        ),
    });
  }

  #refName(text: string): RefName {
    const name = parseRefName(utf8ToBinary(text));
    if (name === undefined || !isSafeRefName(name)) {
      throw new UsageError(
        "bad-ref",
        `Cannot use ref "${text}": not a valid name`,
      );
    }
    const conflict = this.#refs.conflict(name);
    if (conflict !== undefined) {
      throw new UsageError(
        "bad-ref",
        `Cannot use ref "${text}": "${conflict}" exists`,
      );
    }
    return name;
  }

  #require(oid: Oid, wanted?: Kind): Kind {
    const kind = this.#packs.kind(oid);
    if (kind === undefined) {
      throw new UsageError(
        "missing-object",
        `Cannot name object ${oid}: it was not added`,
      );
    }
    if (wanted !== undefined && kind !== wanted) {
      throw new UsageError(
        "wrong-kind",
        `Cannot name object ${oid}: a ${kindName(kind)}, not a ${
          kindName(wanted)
        }`,
      );
    }
    return kind;
  }
}
