/**
 * Threads of this process: Web Workers, which both runtimes have and which
 * start faster on both than those of `node:worker_threads`.
 *
 * @module
 */

import type { MessagePortLike, WorkerHandlers } from "../core/host.ts";

/**
 * Starts the module at `url` as a thread. What goes wrong in it, loading it
 * included, reaches `handlers.onError` and does not end the process.
 */
export function startWorker(
  url: URL,
  handlers: WorkerHandlers,
): MessagePortLike {
  const worker = new Worker(url, { type: "module" });
  worker.onmessage = ({ data }) => handlers.onMessage(data);
  worker.onmessageerror = () => handlers.onError("a message cannot be read");
  worker.onerror = (event) => {
    event.preventDefault();
    handlers.onError(event.message);
  };
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    close: () => worker.terminate(),
  };
}

/** The part of a worker's global scope that is used. */
interface WorkerScope {
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  close(): void;
}

/**
 * In a thread that {@linkcode startWorker} started: the way back. Rejections
 * that nobody handles are told to `onStray` and do not end the thread, which
 * other sessions use.
 */
export function parentPort(
  onMessage: (message: unknown) => void,
  onStray: (reason: unknown) => void,
): MessagePortLike {
  const scope = globalThis as unknown as WorkerScope;
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    onStray(event.reason);
  });
  scope.onmessage = ({ data }) => onMessage(data);
  return {
    post: (message, transfer = []) => scope.postMessage(message, transfer),
    close: () => scope.close(),
  };
}

/** How many processors this process may use, at least one. */
export function processorCount(): number {
  return Math.max(1, globalThis.navigator?.hardwareConcurrency ?? 1);
}
