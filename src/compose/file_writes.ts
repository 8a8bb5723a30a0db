/**
 * What changes repositories on disk, over the files of the runtime.
 *
 * @module
 */

import { placeCells, SharedPlaces } from "../core/shared_places.ts";
import type { Kernels } from "../kernels/types.ts";
import { systemOwners } from "../runtime/owner.ts";
import { NODE_WRITE_FILES } from "../runtime/write_files.ts";
import type { FileWrites } from "../storage/files/writer.ts";
import { packIntake } from "../storage/intake.ts";
import { mostHelpers } from "./resolve_threads.ts";
import { threadedResolver } from "./resolvers.ts";

/**
 * The files and processes of this machine. Threads that help with packs take
 * places, of its own unless some are given.
 */
export function fileWrites(
  kernels: Kernels,
  helperPlaces?: () => SharedPlaces | undefined,
): FileWrites {
  const count = mostHelpers();
  const own = new SharedPlaces(placeCells(count), 1);
  const resolve = threadedResolver(count, () => helperPlaces?.() ?? own);
  return {
    files: NODE_WRITE_FILES,
    owners: systemOwners(),
    intake: (format) => packIntake({ format, kernels, resolve }),
    pause,
  };
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
