/**
 * A repository in a few maps, for tests of services: slow, plain, and without
 * any code of the product's storage but the sorting of refs. Packs are made of
 * whole objects.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";
import { fromBinary, toBinary, toHex } from "../../../src/core/bytes.ts";
import { StorageError } from "../../../src/core/errors.ts";
import type { ObjectSet } from "../../../src/core/object_set.ts";
import { type ObjectFormat, type Oid, SHA1 } from "../../../src/core/oid.ts";
import type { RefName } from "../../../src/core/ref_name.ts";
import {
  COMMIT,
  type Kind,
  kindName,
  TAG,
  TREE,
} from "../../../src/object/kind.ts";
import {
  type RawRef,
  resolveSymrefs,
  SortedRefs,
} from "../../../src/storage/ref_snapshot.ts";
import type {
  ConfigView,
  ObjectData,
  ObjectStore,
  PackBytes,
  PackPlan,
  PackRequest,
  Repository,
  Snapshot,
  TreeEntries,
} from "../../../src/storage/types.ts";
import type { Hash } from "../../../src/kernels/types.ts";

/** Where a pack is to break, to see what the client is told. */
export interface Faults {
  /** Reading pack bytes throws after so many. */
  readonly packBytes?: number;
  /** Enumerating objects throws at this id. */
  readonly missing?: Oid;
}

/** Objects, refs and configuration by hand. */
export class FakeRepository implements Repository {
  readonly format: ObjectFormat;
  readonly settings: [key: string, value: string][] = [];
  readonly objects = new Map<Oid, ObjectData>();
  readonly refs = new Map<string, RawRef>();
  readonly shallow: Oid[] = [];
  faults: Faults = {};
  /** Snapshots that were handed out and not yet disposed. */
  openSnapshots = 0;

  constructor(format: ObjectFormat = SHA1) {
    this.format = format;
  }

  readonly config: ConfigView = {
    get: (key) => this.config.all(key).at(-1),
    all: (key) =>
      this.settings.filter((pair) => pair[0] === key).map((pair) => pair[1]),
    boolean: (key) => {
      const value = this.config.get(key);
      return value === undefined ? undefined : value === "true";
    },
    integer: (key) => {
      const value = this.config.get(key);
      return value === undefined ? undefined : Number(value);
    },
    entries: () => this.settings,
  };

  /** Adds a value to the configuration, behind those that are there. */
  set(key: string, value: string): void {
    this.settings.push([key, value]);
  }

  /** Stores an object; gives its id. */
  put(kind: Kind, data: Uint8Array | string): Oid {
    const bytes = typeof data === "string" ? fromBinary(data) : data;
    const oid = createHash(this.format.name)
      .update(`${kindName(kind)} ${bytes.length}\0`).update(bytes)
      .digest("hex") as Oid;
    this.objects.set(oid, { kind, data: bytes });
    return oid;
  }

  /** Stores a tree of files. */
  tree(files: Readonly<Record<string, Oid>>): Oid {
    let data = "";
    for (const name of Object.keys(files).sort()) {
      const raw = Buffer.from(files[name] as string, "hex").toString("latin1");
      data += `100644 ${name}\0${raw}`;
    }
    return this.put(TREE, data);
  }

  /** Stores a commit; the time is also what tells commits apart. */
  commit(tree: Oid, parents: readonly Oid[], time: number): Oid {
    const lines = parents.map((parent) => `parent ${parent}\n`).join("");
    const who = `A U Thor <a@example.com> ${time} +0000\n`;
    return this.put(
      COMMIT,
      `tree ${tree}\n${lines}author ${who}committer ${who}\nmessage\n`,
    );
  }

  /** Stores an annotated tag. */
  tag(object: Oid, name: string): Oid {
    const kind = kindName(this.objects.get(object)?.kind ?? COMMIT);
    return this.put(
      TAG,
      `object ${object}\ntype ${kind}\ntag ${name}\n` +
        `tagger A U Thor <a@example.com> 1 +0000\n\nmessage\n`,
    );
  }

  /** Sets a ref; `ref: ` makes it a symref. */
  ref(name: string, value: string): void {
    this.refs.set(
      name,
      value.startsWith("ref: ")
        ? { symref: value.slice(5) as RefName }
        : { oid: value as Oid },
    );
  }

  snapshot(): Promise<Snapshot> {
    this.openSnapshots++;
    return Promise.resolve({
      id: "fake",
      refs: new SortedRefs({ id: "fake", ...resolveSymrefs(this.refs) }),
      objects: new FakeStore(this),
      shallow: [...this.shallow],
      [Symbol.dispose]: () => {
        this.openSnapshots--;
      },
    });
  }
}

class FakeStore implements ObjectStore {
  readonly format: ObjectFormat;
  readonly #repository: FakeRepository;
  readonly #oids: Oid[] = [];
  readonly #numbers = new Map<Oid, number>();

  constructor(repository: FakeRepository) {
    this.#repository = repository;
    this.format = repository.format;
  }

  get count(): number {
    return this.#oids.length;
  }

  find(oid: Oid): number {
    return this.#repository.objects.has(oid) ? this.intern(oid) : -1;
  }

  intern(oid: Oid): number {
    const known = this.#numbers.get(oid);
    if (known !== undefined) return known;
    this.#numbers.set(oid, this.#oids.length);
    return this.#oids.push(oid) - 1;
  }

  internRaw(bytes: Uint8Array, at: number): number {
    const end = at + this.format.rawLength;
    return this.intern(toHex(bytes, at, end) as Oid);
  }

  has(number: number): boolean {
    return this.#repository.objects.has(this.oid(number));
  }

  oid(number: number): Oid {
    return this.#oids[number] as Oid;
  }

  kind(number: number): Kind {
    return this.read(number).kind;
  }

  size(number: number): number {
    return this.read(number).data.length;
  }

  read(number: number): ObjectData {
    const oid = this.oid(number);
    const object = this.#repository.objects.get(oid);
    if (object === undefined || oid === this.#repository.faults.missing) {
      throw new StorageError("missing-object", oid);
    }
    return object;
  }

  commitTree(commit: number): number {
    return this.intern(this.#header(commit, "tree")[0] as Oid);
  }

  commitTime(commit: number): number {
    return Number(/> (\d+) /.exec(this.#text(commit))?.[1] ?? 0);
  }

  parentCount(commit: number): number {
    return this.#header(commit, "parent").length;
  }

  parent(commit: number, index: number): number {
    return this.intern(this.#header(commit, "parent")[index] as Oid);
  }

  tagTarget(tag: number): number {
    return this.intern(this.#header(tag, "object")[0] as Oid);
  }

  expandTrees(trees: Int32Array, seen: ObjectSet, found: TreeEntries): number {
    let bytes = 0;
    for (const tree of trees) {
      const { data } = this.read(tree);
      bytes += data.length;
      for (let at = 0; at < data.length;) {
        const zero = data.indexOf(0, at);
        const mode = toBinary(data, at, data.indexOf(0x20, at));
        const end = zero + 1 + this.format.rawLength;
        const number = this.intern(toHex(data, zero + 1, end) as Oid);
        at = end;
        if (mode === "160000" || !seen.add(number)) continue;
        (mode === "40000" ? found.trees : found.blobs).push(number);
      }
    }
    return bytes;
  }

  *planPack(request: PackRequest): Generator<number, PackPlan, void> {
    const parts: Uint8Array[] = [];
    const header = new Uint8Array(12);
    header.set(fromBinary("PACK\0\0\0\x02"));
    new DataView(header.buffer).setUint32(8, request.objects.length);
    parts.push(header);
    for (let i = 0; i < request.objects.length; i++) {
      parts.push(...entry(this.read(request.objects.at(i))));
      yield i + 1;
    }
    const { packBytes: limit = Infinity } = this.#repository.faults;
    return {
      objects: request.objects.length,
      deltas: 0,
      reused: 0,
      reusedDeltas: 0,
      open: (hash) => openBytes(Buffer.concat(parts), hash, limit),
    };
  }

  #header(number: number, name: string): string[] {
    const text = this.#text(number);
    const head = text.slice(0, text.indexOf("\n\n") + 1);
    return [...head.matchAll(new RegExp(`^${name} ([0-9a-f]+)$`, "gm"))]
      .map((match) => match[1] as string);
  }

  #text(number: number): string {
    return toBinary(this.read(number).data);
  }
}

function entry({ kind, data }: ObjectData): Uint8Array[] {
  const header: number[] = [];
  let size = data.length;
  let byte = (kind << 4) | (size & 15);
  size = Math.floor(size / 16);
  while (size > 0) {
    header.push(byte | 0x80);
    byte = size & 0x7f;
    size = Math.floor(size / 128);
  }
  header.push(byte);
  return [Uint8Array.from(header), deflateSync(data)];
}

function openBytes(
  body: Uint8Array,
  hash: Hash,
  limit: number,
): PackBytes {
  hash.update(body);
  const whole = Buffer.concat([body, hash.digest()]);
  let at = 0;
  return {
    read(into) {
      const count = Math.min(into.length, whole.length - at);
      if (at + count > limit) {
        throw new StorageError("corrupt-object", "a stored entry is broken");
      }
      into.set(whole.subarray(at, at + count));
      at += count;
      return count;
    },
    [Symbol.dispose]() {},
  };
}
