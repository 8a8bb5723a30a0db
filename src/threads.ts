/**
 * Starts the threads that look into repositories. It stands beside their entry
 * point, since compiled binaries keep both in one directory.
 *
 * @module
 */

import type { MessagePortLike, WorkerHandlers } from "./core/host.ts";
import { startWorker } from "./runtime/workers.ts";

/** Starts one; it is told what it has to do in messages. */
export function startThread(handlers: WorkerHandlers): MessagePortLike {
  return startWorker(new URL("./worker.ts", import.meta.url), handlers);
}
