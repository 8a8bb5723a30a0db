/**
 * Kernels over what the runtime brings in native code: zlib and OpenSSL.
 *
 * `inflateSync` with `info` is the one public interface that tells how many
 * input bytes a stream took.
 *
 * @module
 */

import process from "node:process";
import type { ObjectFormat } from "../../core/oid.ts";
import { type Hash, KernelError, type Kernels } from "../types.ts";
import { applyDelta } from "../reference/delta.ts";
import { createDelta } from "../reference/delta_create.ts";
import { inflatePrefix } from "../reference/inflate.ts";
import { inflateStream } from "../reference/inflate_stream.ts";
import { arrangeIndex } from "../reference/pack_index.ts";
import { sha1dc } from "../reference/sha1dc.ts";
import { goodCrcCounter } from "./crc_runs.ts";

/**
 * The runtime's modules, each loaded at its first use: that takes 3 ms under
 * Bun, where a session that lists refs needs none.
 */
class Modules {
  #zlib: typeof import("node:zlib") | undefined;
  #crypto: typeof import("node:crypto") | undefined;

  get zlib(): typeof import("node:zlib") {
    return this.#zlib ??= process.getBuiltinModule("node:zlib");
  }

  get crypto(): typeof import("node:crypto") {
    return this.#crypto ??= process.getBuiltinModule("node:crypto");
  }
}

const NODE = new Modules();

/** Bun's own hashes, which need no module. */
interface BunHashes {
  readonly CryptoHasher: new (name: ObjectFormat["name"]) => {
    update(bytes: Uint8Array): unknown;
    digest(): Uint8Array<ArrayBuffer>;
  };
}

const BUN = (globalThis as { readonly Bun?: BunHashes }).Bun;

interface InflateInfo {
  readonly buffer: Uint8Array<ArrayBuffer>;
  readonly engine: { readonly bytesWritten: number };
}

function inflate(
  input: Uint8Array,
  at: number,
  size: number,
): { data: Uint8Array<ArrayBuffer>; consumed: number } {
  let result: InflateInfo;
  try {
    result = NODE.zlib.inflateSync(input.subarray(at), {
      info: true,
      // One byte more than wanted shows a stream that is too long.
      chunkSize: Math.max(64, size + 1),
      maxOutputLength: size + 1,
    }) as unknown as InflateInfo;
  } catch (error) {
    throw translate(error, size);
  }
  const data = result.buffer;
  if (data.length > size) throw tooLong(size);
  if (data.length < size) {
    throw new KernelError("too-short", `inflated to ${data.length} bytes`);
  }
  return {
    data: new Uint8Array(data.buffer, data.byteOffset, data.length),
    consumed: result.engine.bytesWritten,
  };
}

function tooLong(size: number): KernelError {
  return new KernelError("too-long", `inflates to more than ${size} bytes`);
}

function translate(error: unknown, size: number): KernelError {
  const code = (error as { code?: string }).code ?? "";
  const message = error instanceof Error ? error.message : String(error);
  if (code === "ERR_BUFFER_TOO_LARGE") return tooLong(size);
  if (code === "Z_BUF_ERROR") return new KernelError("truncated", message);
  if (code === "Z_NEED_DICT") {
    return new KernelError("corrupt", "preset dictionary");
  }
  return new KernelError("corrupt", message);
}

// A fifth faster than zlib's default of 6 on both runtimes, for 0.3 % more.
const LEVEL = 5;
// Larger objects are compressed in a fraction of the time: the caller waits.
const FAST_FROM_BYTES = 1024 * 1024;

// Up to this a small window does, which takes half the time to set up.
const SMALL_BYTES = 4096;
const SMALL_OPTIONS = { windowBits: 12, memLevel: 5, chunkSize: 5 * 1024 };

function deflate(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const level = data.length < FAST_FROM_BYTES
    ? LEVEL
    : NODE.zlib.constants.Z_BEST_SPEED;
  const small = data.length <= SMALL_BYTES ? SMALL_OPTIONS : {};
  const stream = NODE.zlib.deflateSync(data, { level, ...small });
  const { buffer, byteOffset, length } = stream;
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, length);
}

const crc32 = (bytes: Uint8Array, seed = 0): number =>
  NODE.zlib.crc32(bytes, seed);

function hash(format: ObjectFormat): Hash {
  const hash = BUN === undefined
    ? NODE.crypto.createHash(format.name)
    : new BUN.CryptoHasher(format.name);
  return {
    update(bytes): void {
      hash.update(bytes);
    },
    digest(): Uint8Array<ArrayBuffer> {
      return new Uint8Array(hash.digest());
    },
  };
}

/**
 * zlib for streams and CRC-32, OpenSSL's hashes for trailers. Nothing native
 * looks for collisions of SHA-1.
 */
export const NATIVE: Kernels = {
  label: "native",
  inflate,
  inflatePrefix,
  inflateStream,
  deflate,
  crc32,
  countGoodCrcs: goodCrcCounter(crc32),
  hash,
  objectHash: (format) => format.name === "sha1" ? sha1dc() : hash(format),
  applyDelta,
  arrangeIndex,
  createDelta,
};
