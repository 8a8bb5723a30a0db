/**
 * A client's repository that holds exactly what is put into it, and the real
 * git's judgement of a pack there. Used again and again: making a repository
 * costs more than judging a pack.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { concatBytes } from "../../../src/core/bytes.ts";
import { OBJECT_FORMATS, type Oid, oidToRaw } from "../../../src/core/oid.ts";
import { NATIVE } from "../../../src/kernels/native/kernels.ts";
import type { Kind } from "../../../src/object/kind.ts";
import {
  ENTRY_HEADER_MAX,
  writeEntryHeader,
} from "../../../src/pack/entry_header.ts";
import {
  encodePackIndex,
  type IndexEntry,
} from "../../../src/pack/index_writer.ts";
import { encodePackHeader } from "../../../src/pack/pack_header.ts";
import { tryGit } from "../git.ts";
import { emptyRepository, type ObjectFormat } from "../fixture.ts";
import type { StoredObjects } from "./objects.ts";

const KIND_NUMBERS: Readonly<Record<string, Kind>> = {
  commit: 1,
  tree: 2,
  blob: 3,
  tag: 4,
};

/** An object as an entry of a pack. */
interface PackedObject {
  readonly raw: Uint8Array;
  readonly entry: Uint8Array;
  readonly crc: number;
}

/** Makes packs of any of a repository's objects, each compressed once. */
export class Packer {
  readonly #objects: StoredObjects;
  readonly #format: ObjectFormat;
  readonly #packed = new Map<string, PackedObject>();

  /** Packs of these objects. */
  constructor(objects: StoredObjects, format: ObjectFormat) {
    this.#objects = objects;
    this.#format = format;
  }

  /** Writes a pack and its index to `<base>.pack` and `<base>.idx`. */
  write(base: string, oids: ReadonlySet<string>): void {
    const parts: Uint8Array[] = [encodePackHeader(oids.size)];
    const entries: IndexEntry[] = [];
    let offset = 12;
    for (const oid of oids) {
      const { raw, entry, crc } = this.#entry(oid);
      entries.push({ raw, offset, crc });
      parts.push(entry);
      offset += entry.length;
    }
    const body = concatBytes(parts);
    const checksum = createHash(this.#format).update(body).digest();
    const format = OBJECT_FORMATS[this.#format];
    if (format === undefined) throw new TypeError("Cannot pack: no format");
    writeFileSync(`${base}.pack`, concatBytes([body, checksum]));
    writeFileSync(
      `${base}.idx`,
      encodePackIndex(entries, checksum, format, NATIVE),
    );
  }

  #entry(oid: string): PackedObject {
    const known = this.#packed.get(oid);
    if (known !== undefined) return known;
    const object = this.#objects.get(oid);
    if (object === undefined) throw new Error(`Cannot pack ${oid}: missing`);
    const header = new Uint8Array(ENTRY_HEADER_MAX);
    const kind = KIND_NUMBERS[object.kind] as Kind;
    const length = writeEntryHeader(header, 0, kind, object.data.length);
    const entry = concatBytes([
      header.subarray(0, length),
      NATIVE.deflate(object.data),
    ]);
    const packed = {
      raw: oidToRaw(oid as Oid),
      entry,
      crc: NATIVE.crc32(entry),
    };
    this.#packed.set(oid, packed);
    return packed;
  }
}

/** What a client has, and where its history ends. */
export interface ClientState {
  /** Ids of its objects. */
  readonly objects: ReadonlySet<string>;
  /** Ids of its shallow commits once the answer has been taken in. */
  readonly shallow: Iterable<string>;
  /** Whether it takes packs that are whole alone, or what a filter left. */
  readonly clone: "whole" | "partial";
}

/** A bare repository to try packs in, one at a time. */
export class Client {
  readonly #path: string;

  /** Makes the repository at `path`. */
  constructor(path: string, format: ObjectFormat) {
    this.#path = emptyRepository(path, format);
    mkdirSync(join(path, "objects/pack"), { recursive: true });
  }

  /**
   * What `git index-pack --strict --fix-thin` says against `pack` in a
   * repository of that state; `undefined` where it takes it. A partial clone
   * is not strict about what objects name.
   */
  async refusal(
    pack: Uint8Array,
    state: ClientState,
    packer: Packer,
  ): Promise<string | undefined> {
    const packs = join(this.#path, "objects/pack");
    for (const name of readdirSync(packs)) rmSync(join(packs, name));
    if (state.objects.size > 0) {
      packer.write(join(packs, "pack-had"), state.objects);
    }
    const shallow = [...state.shallow].map((oid) => `${oid}\n`).join("");
    writeFileSync(join(this.#path, "shallow"), shallow);
    const result = await tryGit(
      [
        "index-pack",
        "--stdin",
        "--fix-thin",
        ...(state.clone === "whole" ? ["--strict"] : []),
      ],
      { cwd: this.#path, input: pack },
    );
    return result.code === 0
      ? undefined
      : `${result.code ?? result.signal}: ${result.stderr}`;
  }
}
