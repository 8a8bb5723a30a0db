/**
 * Refs held in a map.
 *
 * @module
 */

import type { Oid } from "../../core/oid.ts";
import type { RefName } from "../../core/ref_name.ts";
import { type RawRef, resolveSymrefs, SortedRefs } from "../ref_snapshot.ts";
import type { RefStore } from "../types.ts";

/** A ref store that can be changed. */
export class MemoryRefs implements RefStore {
  readonly #raw = new Map<string, RawRef>();
  /** How many names there are below each "refs/x/". */
  readonly #directories = new Map<string, number>();
  #version = 0;
  #current: SortedRefs | undefined;

  /** Refs with an unborn HEAD on `refs/heads/main`. */
  constructor() {
    this.#raw.set("HEAD", { symref: "refs/heads/main" as RefName });
  }

  read(): Promise<SortedRefs> {
    return Promise.resolve(this.now());
  }

  /** The refs now. */
  now(): SortedRefs {
    this.#current ??= new SortedRefs({
      id: `memory-${this.#version}`,
      ...resolveSymrefs(this.#raw),
    });
    return this.#current;
  }

  /** What is stored under `name`. */
  raw(name: string): RawRef | undefined {
    return this.#raw.get(name);
  }

  /** Whether something is stored under `name`. */
  has(name: string): boolean {
    return this.#raw.has(name);
  }

  /** The first name, in byte order, that starts with `prefix`, "x/y/". */
  below(prefix: string): string | undefined {
    if (!this.#directories.has(prefix)) return undefined;
    let first: string | undefined;
    for (const name of this.#raw.keys()) {
      if (!name.startsWith(prefix)) continue;
      if (first === undefined || name < first) first = name;
    }
    return first;
  }

  /** Lets `name` point to an object. */
  set(name: RefName, oid: Oid): void {
    this.#change(name, { oid });
  }

  /** Lets `name` stand for another ref. */
  setSymbolic(name: RefName, target: RefName): void {
    this.#change(name, { symref: target });
  }

  /** Takes a ref away; false where there is none. */
  delete(name: RefName): boolean {
    if (!this.#raw.delete(name)) return false;
    this.#count(name, -1);
    this.#changed();
    return true;
  }

  /**
   * The ref that stands in the way of a ref called `name`: one whose name is
   * a directory of it, or the other way round.
   */
  conflict(name: RefName): string | undefined {
    for (const other of this.#raw.keys()) {
      if (other.startsWith(`${name}/`) || name.startsWith(`${other}/`)) {
        return other;
      }
    }
    return undefined;
  }

  #change(name: RefName, value: RawRef): void {
    if (!this.#raw.has(name)) this.#count(name, 1);
    this.#raw.set(name, value);
    this.#changed();
  }

  #count(name: string, by: 1 | -1): void {
    for (let end = name.indexOf("/"); end >= 0;) {
      const above = name.slice(0, end + 1);
      const count = (this.#directories.get(above) ?? 0) + by;
      if (count === 0) this.#directories.delete(above);
      else this.#directories.set(above, count);
      end = name.indexOf("/", end + 1);
    }
  }

  #changed(): void {
    this.#version++;
    this.#current = undefined;
  }
}
