/**
 * The reference kernels as one value.
 *
 * @module
 */

import type { Kernels } from "../types.ts";
import { countGoodCrcs, crc32 } from "./crc32.ts";
import { deflate } from "./deflate.ts";
import { applyDelta } from "./delta.ts";
import { createDelta } from "./delta_create.ts";
import { inflate, inflatePrefix } from "./inflate.ts";
import { inflateStream } from "./inflate_stream.ts";
import { arrangeIndex } from "./pack_index.ts";
import { sha1 } from "./sha1.ts";
import { sha1dc } from "./sha1dc.ts";
import { sha256 } from "./sha256.ts";

/** Plain TypeScript throughout: the definition of the other kernels. */
export const REFERENCE: Kernels = {
  label: "reference",
  inflate,
  inflatePrefix,
  inflateStream,
  deflate,
  crc32,
  countGoodCrcs,
  hash: (format) => format.name === "sha1" ? sha1() : sha256(),
  objectHash: (format) => format.name === "sha1" ? sha1dc() : sha256(),
  applyDelta,
  arrangeIndex,
  createDelta,
};
