/**
 * The refs of a repository on disk: loose refs over `packed-refs`, read
 * without locks in the order that keeps them consistent with a `git pack-refs`
 * or a push that runs beside it. Not for writing.
 *
 * @see https://git-scm.com/docs/gitrepository-layout
 * @module
 */

import { fromBinary, toHex } from "../../core/bytes.ts";
import { SHA1 } from "../../core/oid.ts";
import { isSafeRefName } from "../../core/ref_name.ts";
import type { Kernels } from "../../kernels/types.ts";
import { type RawRef, resolveSymrefs } from "../ref_snapshot.ts";
import type { Head, RefSnapshot, RefStore } from "../types.ts";
import { type LooseRef, LooseRefs, type LooseRefsInit } from "./loose_refs.ts";
import {
  NO_PACKED_REFS,
  type PackedRefs,
  parsePackedRefs,
} from "./packed_refs.ts";
import { joinPath } from "./paths.ts";
import { FileRefSnapshot } from "./refs_snapshot.ts";
import { isFresh, isSameStat, type Stamp } from "./stamp.ts";

/** Largest `packed-refs` that is read: some eight million refs. */
export const MAX_PACKED_REFS_BYTES: number = 512 * 1024 * 1024;

/** So often is `packed-refs` read again while it keeps changing. */
const MAX_ATTEMPTS = 5;

/** What a {@linkcode FileRefStore} is made from. */
export interface FileRefStoreInit extends LooseRefsInit {
  /** For the identity of `packed-refs`, and to index it. */
  readonly kernels: Pick<Kernels, "hash" | "refLines">;
}

interface Packed {
  readonly refs: PackedRefs;
  /** The hash of the file's bytes, made when it is asked for. */
  readonly id: () => string;
}

const NOTHING_PACKED: Packed = { refs: NO_PACKED_REFS, id: () => "" };

/** The refs of one repository. */
export class FileRefStore implements RefStore {
  readonly #init: FileRefStoreInit;
  readonly #loose: LooseRefs;
  #packed: Packed = NOTHING_PACKED;
  #packedStamp: Stamp | undefined;
  #last: {
    readonly snapshot: RefSnapshot;
    readonly loose: readonly (LooseRef | undefined)[];
    readonly packed: Packed;
  } | undefined;

  /** Reads nothing yet. */
  constructor(init: FileRefStoreInit) {
    this.#init = init;
    this.#loose = new LooseRefs(init);
  }

  /**
   * The refs now. Throws StorageError "bad-packed-refs", "file-too-large", or
   * the system's code where `packed-refs` cannot be read.
   */
  read(): Promise<RefSnapshot> {
    try {
      return Promise.resolve(this.readNow());
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** As {@linkcode FileRefStore.read}, at once. */
  readNow(): RefSnapshot {
    // HEAD before what it names, loose refs before packed ones: a ref that
    // pack-refs moves meanwhile is then seen once at least.
    const head = this.#loose.root("HEAD");
    const refs = this.#loose.read();
    const roots = this.#readRoots(refs, head);
    const packed = this.#readPacked();
    const loose = [head, ...roots, ...refs];
    const last = this.#last;
    if (
      last !== undefined && last.packed === packed &&
      last.loose.length === loose.length &&
      last.loose.every((each, i) => each === loose[i])
    ) return last.snapshot;
    // A first answer need not wait for the identity: there is no other yet.
    const known = { id: undefined as string | undefined };
    const id = () => known.id ??= this.#identity(loose, packed);
    const snapshot = last !== undefined && last.snapshot.id === id()
      ? last.snapshot
      : joinRefs(id, head, roots, refs, packed.refs);
    this.#last = { snapshot, loose, packed };
    return snapshot;
  }

  /** Root refs besides HEAD, such as ORIG_HEAD, that symrefs lead to. */
  #readRoots(refs: readonly LooseRef[], head: LooseRef | undefined) {
    const found = new Map<string, LooseRef>();
    const queue = head === undefined ? [...refs] : [head, ...refs];
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      if (next.value === undefined || "oid" in next.value) continue;
      const name = next.value.symref;
      if (name === "HEAD" || name.startsWith("refs/") || found.has(name)) {
        continue;
      }
      const root = isSafeRefName(name) ? this.#loose.root(name) : undefined;
      if (root === undefined) continue;
      found.set(name, root);
      queue.push(root);
    }
    return [...found.values()];
  }

  #readPacked(): Packed {
    const { fileSystem, layout, now } = this.#init;
    const path = joinPath(layout.commonDir, "packed-refs");
    for (let attempt = 1;; attempt++) {
      const taken = now();
      const stat = fileSystem.stat(path);
      if (stat === undefined) {
        this.#packedStamp = undefined;
        return this.#packed = NOTHING_PACKED;
      }
      if (isFresh(this.#packedStamp, stat)) return this.#packed;
      const bytes = fileSystem.read(path, MAX_PACKED_REFS_BYTES);
      if (bytes === undefined && attempt < MAX_ATTEMPTS) continue;
      if (bytes === undefined) return this.#packed = NOTHING_PACKED;
      const after = fileSystem.stat(path);
      const isSteady = after !== undefined && isSameStat(stat, after);
      if (!isSteady && attempt < MAX_ATTEMPTS) continue;
      const packed = this.#parsePacked(bytes, path);
      this.#packedStamp = isSteady ? { stat, taken } : undefined;
      return this.#packed = packed;
    }
  }

  #parsePacked(bytes: Uint8Array, path: string): Packed {
    const { kernels, format } = this.#init;
    const known = { id: undefined as string | undefined };
    const id = () => {
      if (known.id !== undefined) return known.id;
      const hash = kernels.hash(SHA1);
      hash.update(bytes);
      return known.id = toHex(hash.digest());
    };
    if (this.#packed !== NOTHING_PACKED && id() === this.#packed.id()) {
      return this.#packed;
    }
    const refs = parsePackedRefs(bytes, path, format, kernels);
    for (const ref of refs.badNames.slice(0, 100)) {
      this.#init.complaints.warn("ignoring ref with broken name", { ref });
    }
    return { refs, id };
  }

  /** Equal values give an equal id, in whatever order they were read. */
  #identity(
    loose: readonly (LooseRef | undefined)[],
    packed: Packed,
  ): string {
    const lines: string[] = [];
    for (const each of loose) {
      if (each !== undefined) lines.push(`${each.name} ${spell(each.value)}`);
    }
    lines.sort();
    const hash = this.#init.kernels.hash(SHA1);
    hash.update(fromBinary(`${packed.id()}\n${lines.join("\n")}`));
    return toHex(hash.digest());
  }
}

function spell(value: RawRef | undefined): string {
  if (value === undefined) return "broken";
  return "oid" in value ? value.oid : `ref: ${value.symref}`;
}

function joinRefs(
  id: () => string,
  head: LooseRef | undefined,
  roots: readonly LooseRef[],
  refs: readonly LooseRef[],
  packed: PackedRefs,
): RefSnapshot {
  const loose = new Map<string, RawRef>();
  const broken = new Set<string>();
  for (const { name, value } of refs) {
    if (value === undefined) broken.add(name);
    else loose.set(name, value);
  }
  if (head?.value !== undefined) loose.set("HEAD", head.value);
  const rootValues = new Map<string, RawRef>();
  for (const { name, value } of roots) {
    if (value !== undefined) rootValues.set(name, value);
  }
  const view = new LayeredRefs(loose, (name) => {
    if (broken.has(name)) return undefined;
    return rootValues.get(name) ?? packed.get(name);
  });
  const resolved = resolveSymrefs(view);
  const records = resolved.records;
  // A loose ref hides the packed one, also where it leads nowhere.
  const shown = new Set<string>(records.map((record) => record.name));
  const hidden = new Set(
    [...broken, ...loose.keys()].filter((name) => !shown.has(name)),
  );
  return new FileRefSnapshot({
    id,
    head: sound(resolved.head, broken),
    loose: records,
    unborn: new Map(
      [...resolved.unborn].filter(([_, target]) => !broken.has(target)),
    ),
    hidden,
    packed,
  });
}

/** HEAD is broken, not unborn, where the ref that it names is broken. */
function sound(head: Head | undefined, broken: ReadonlySet<string>) {
  const target = head?.target;
  return target !== undefined && head?.oid === undefined && broken.has(target)
    ? undefined
    : head;
}

/** Loose refs to go through, with every other ref behind them to look up. */
class LayeredRefs extends Map<string, RawRef> {
  readonly #behind: (name: string) => RawRef | undefined;

  constructor(
    loose: ReadonlyMap<string, RawRef>,
    behind: (name: string) => RawRef | undefined,
  ) {
    super(loose);
    this.#behind = behind;
  }

  override get(name: string): RawRef | undefined {
    return super.get(name) ?? this.#behind(name);
  }
}
