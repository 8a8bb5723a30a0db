/**
 * The loose objects of a repository and of its alternates.
 *
 * @see https://git-scm.com/docs/gitrepository-layout
 * @module
 */

import { fromBinary, toHex } from "../../core/bytes.ts";
import { messageOf, StorageError } from "../../core/errors.ts";
import type { FileSystem } from "../../core/host.ts";
import { type ObjectFormat, type Oid, SHA1 } from "../../core/oid.ts";
import type { Kernels } from "../../kernels/types.ts";
import type { LooseStore } from "../ports.ts";
import type { Complaints } from "./complaints.ts";
import { joinPath } from "./paths.ts";
import { isFresh, type Now, type Stamp } from "./stamp.ts";

/** Largest loose object file that is read, in bytes. */
const MAX_LOOSE_BYTES = 2 ** 31 - 1;

const FAN_OUT = /^[0-9a-f]{2}$/;

/** What a {@linkcode FileLooseStore} is made from. */
export interface FileLooseStoreInit {
  /** Where to read. */
  readonly fileSystem: FileSystem;
  /** The object directories now, the own one first. */
  readonly directories: () => readonly string[];
  /** The format of the ids. */
  readonly format: ObjectFormat;
  /** For the stamp. */
  readonly kernels: Pick<Kernels, "hash">;
  /** Where unreadable directories are told. */
  readonly complaints: Complaints;
  /** The time. */
  readonly now: Now;
}

interface FanOut {
  readonly stamp: Stamp;
  readonly oids: readonly Oid[];
}

interface Listed {
  readonly stamp: Stamp;
  readonly names: readonly string[];
}

/** The loose objects of one repository. */
export class FileLooseStore implements LooseStore {
  readonly #init: FileLooseStoreInit;
  readonly #shape: RegExp;
  #tops = new Map<string, Listed>();
  #fanOuts = new Map<string, FanOut>();
  #directories: readonly string[] = [];
  #last: {
    readonly parts: readonly (readonly Oid[])[];
    readonly result: ReturnType<LooseStore["scan"]>;
  } | undefined;

  /** Reads nothing yet. */
  constructor(init: FileLooseStoreInit) {
    this.#init = init;
    this.#shape = new RegExp(`^[0-9a-f]{${init.format.hexLength - 2}}$`);
  }

  scan(): { readonly stamp: string; readonly oids: readonly Oid[] } {
    const directories = this.#init.directories();
    const tops = new Map<string, Listed>();
    const fanOuts = new Map<string, FanOut>();
    for (const directory of directories) {
      this.#scanDirectory(directory, tops, fanOuts);
    }
    this.#directories = directories;
    this.#tops = tops;
    this.#fanOuts = fanOuts;
    const parts = Array.from(fanOuts.values(), (each) => each.oids);
    const last = this.#last;
    if (
      last !== undefined && last.parts.length === parts.length &&
      last.parts.every((each, i) => each === parts[i])
    ) return last.result;
    const oids = directories.length > 1
      ? [...new Set(parts.flat())]
      : parts.flat();
    const result = { stamp: this.#stampOf(oids), oids };
    this.#last = { parts, result };
    return result;
  }

  read(oid: Oid): Uint8Array | undefined {
    const { fileSystem } = this.#init;
    const directories = this.#directories.length > 0
      ? this.#directories
      : this.#init.directories();
    const name = `${oid.slice(0, 2)}/${oid.slice(2)}`;
    let failure: StorageError | undefined;
    for (const directory of directories) {
      try {
        const path = joinPath(directory, name);
        const bytes = fileSystem.read(path, MAX_LOOSE_BYTES);
        if (bytes !== undefined) return bytes;
      } catch (error) {
        // Another directory may have a copy that can be read.
        if (!(error instanceof StorageError)) throw error;
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
    return undefined;
  }

  bytes(most: number): number {
    const oids = this.#last?.result.oids ?? [];
    if (oids.length > most) return Infinity;
    const { fileSystem } = this.#init;
    let bytes = 0;
    for (const oid of oids) {
      const name = `${oid.slice(0, 2)}/${oid.slice(2)}`;
      for (const directory of this.#directories) {
        const stat = fileSystem.stat(joinPath(directory, name));
        if (stat !== undefined) bytes += stat.size;
      }
    }
    return bytes;
  }

  #scanDirectory(
    directory: string,
    tops: Map<string, Listed>,
    fanOuts: Map<string, FanOut>,
  ): void {
    const names = this.#list(directory, this.#tops.get(directory));
    if (names === undefined) return;
    tops.set(directory, names);
    for (const name of names.names) {
      if (!FAN_OUT.test(name)) continue;
      const path = joinPath(directory, name);
      const known = this.#fanOuts.get(path);
      const listed = this.#list(path, known);
      if (listed === undefined) continue;
      const fanOut = "oids" in listed ? listed as FanOut : {
        stamp: listed.stamp,
        oids: this.#oidsOf(name, listed.names, known?.oids),
      };
      fanOuts.set(path, fanOut);
    }
  }

  /** The names in a directory; `known` again where nothing has changed. */
  #list<T extends { readonly stamp: Stamp }>(
    path: string,
    known: T | undefined,
  ): T | Listed | undefined {
    const { fileSystem, complaints, now } = this.#init;
    try {
      const taken = now();
      const stat = fileSystem.stat(path);
      if (stat?.kind !== "directory") return undefined;
      if (known !== undefined && isFresh(known.stamp, stat)) return known;
      const list = fileSystem.list(path);
      return list && { stamp: { stat, taken }, names: list.names };
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      complaints.warn(messageOf(error));
      return undefined;
    }
  }

  /** Sorted ids; the array stays the same while they do. */
  #oidsOf(
    prefix: string,
    names: readonly string[],
    known: readonly Oid[] | undefined,
  ): readonly Oid[] {
    const oids = names.filter((name) => this.#shape.test(name)).map((name) =>
      prefix + name as Oid
    ).sort();
    const isSame = known !== undefined && known.length === oids.length &&
      known.every((oid, i) => oid === oids[i]);
    return isSame ? known : oids;
  }

  #stampOf(oids: readonly Oid[]): string {
    // A repository that is all packed needs no hash, whose first takes 0.2 ms.
    if (oids.length === 0) return "";
    const hash = this.#init.kernels.hash(SHA1);
    for (let at = 0; at < oids.length; at += 4096) {
      hash.update(fromBinary(oids.slice(at, at + 4096).join("")));
    }
    return toHex(hash.digest());
  }
}
