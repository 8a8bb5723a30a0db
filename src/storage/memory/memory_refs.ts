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
    this.#raw.set(name, value);
    this.#changed();
  }

  #changed(): void {
    this.#version++;
    this.#current = undefined;
  }
}
