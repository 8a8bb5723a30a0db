/**
 * Picks the kernels to use: the fastest that pass a self-check on this
 * machine, else the reference ones.
 *
 * @module
 */

import { equalBytes, fromUtf8, toHex } from "../core/bytes.ts";
import { messageOf } from "../core/errors.ts";
import { type Logger, SILENT } from "../core/logger.ts";
import { SHA1, SHA256 } from "../core/oid.ts";
import { NATIVE } from "./native/kernels.ts";
import { REFERENCE } from "./reference/kernels.ts";
import type { Kernels, RefLines } from "./types.ts";
import { wasmKernels } from "./wasm/kernels.ts";

/** Candidates, fastest first; making one may fail as well as using it. */
const CANDIDATES: readonly (readonly [label: string, () => Kernels])[] = [
  ["wasm", () => wasmKernels(NATIVE)],
  ["native", () => NATIVE],
];

/**
 * The kernels to use. A candidate that fails its self-check is passed over
 * with one log line.
 */
export function selectKernels(logger: Logger = SILENT): Kernels {
  for (const [label, make] of CANDIDATES) {
    try {
      const candidate = make();
      const fault = selfCheck(candidate);
      if (fault === undefined) return candidate;
      logger.log("warn", `kernels "${label}" not used: ${fault}`);
    } catch (error) {
      logger.log("warn", `kernels "${label}" not used: ${messageOf(error)}`);
    }
  }
  return REFERENCE;
}

const TEXT = fromUtf8("what is hashed, deflated and inflated again\n");

/** What is wrong with `kernels`, or `undefined` if a known round trip holds. */
export function selfCheck(kernels: Kernels): string | undefined {
  try {
    const stream = kernels.deflate(TEXT);
    const padded = new Uint8Array(stream.length + 9).fill(0x78);
    padded.set(stream, 4);
    const back = kernels.inflate(padded, 4, TEXT.length);
    if (!equalBytes(back.data, TEXT)) return "inflate gave other bytes";
    if (back.consumed !== stream.length) return "inflate miscounted its input";
    if (kernels.crc32(TEXT) !== REFERENCE.crc32(TEXT)) return "crc32 differs";
    for (const format of [SHA1, SHA256]) {
      for (const hash of [kernels.hash(format), kernels.objectHash(format)]) {
        hash.update(fromUtf8("abc"));
        if (!toHex(hash.digest()).startsWith(ABC[format.name])) {
          return `${format.name} differs`;
        }
      }
    }
    return kernels.refLines && refLinesFault(kernels.refLines);
  } catch (error) {
    return messageOf(error);
  }
}

// RFC 3174, 7.3 and RFC 6234, 8.5: the digests of "abc".
const ABC = { sha1: "a9993e364706816a", sha256: "ba7816bf8f01cfea" } as const;

/** So many refs that a check of them also has the code compiled. */
const REFS = 4096;

function refLinesFault(lines: RefLines): string | undefined {
  const id = "0123456789abcdef01234567".repeat(2).slice(0, 40);
  const record = (i: number) =>
    `${id} refs/tags/${i.toString(16).padStart(4, "0")}\n^${id}\n`;
  const size = record(0).length;
  const file = fromUtf8(
    Array.from({ length: REFS }, (_, i) => record(i)).join(""),
  );
  const starts = lines.index(file, 0, id.length);
  if (starts?.length !== REFS || starts.some((at, i) => at !== i * size)) {
    return "refs are not indexed";
  }
  const { packets, ids } = lines.encode(
    file.subarray(0, size),
    id.length,
    "attribute",
  );
  const line = `${id} refs/tags/0000 peeled:${id}\n`;
  const length = (line.length + 4).toString(16).padStart(4, "0");
  return toHex(ids) === id && equalBytes(packets, fromUtf8(length + line))
    ? undefined
    : "refs are not encoded";
}
