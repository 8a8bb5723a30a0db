/**
 * The path of where a walk over trees is, as bytes that grow and shrink with
 * it: however deep trees are, one path is held at a time. Its texts are made
 * where they are asked for.
 *
 * @module
 */

import { toBinary } from "../../core/bytes.ts";
import type { SizedPath } from "./sparse_patterns.ts";

const SLASH = 0x2f;

/** A path that components are put onto and taken from. */
export class PathBuffer implements SizedPath {
  length = 0;
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(256);
  #nameAt = 0;
  #path: string | undefined;
  #name: string | undefined;

  /** The path, a binary string. */
  get path(): string {
    return this.#path ??= toBinary(this.#buffer, 0, this.length);
  }

  /** Its last component. */
  get name(): string {
    return this.#name ??= toBinary(this.#buffer, this.#nameAt, this.length);
  }

  /** Makes the path `dirLength` bytes of what it was, a slash, and a name. */
  put(
    dirLength: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const nameAt = dirLength === 0 ? 0 : dirLength + 1;
    const length = nameAt + end - start;
    if (length > this.#buffer.length) {
      const wider = new Uint8Array(length * 2);
      wider.set(this.#buffer);
      this.#buffer = wider;
    }
    if (dirLength > 0) this.#buffer[dirLength] = SLASH;
    for (let i = start; i < end; i++) {
      this.#buffer[nameAt + i - start] = bytes[i] as number;
    }
    this.#nameAt = nameAt;
    this.length = length;
    this.#path = this.#name = undefined;
  }

  /** Makes it the empty path of a root tree. */
  clear(): void {
    this.#nameAt = 0;
    this.length = 0;
    this.#path = this.#name = undefined;
  }
}
