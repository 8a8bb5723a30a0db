/**
 * Threads that help to resolve the deltas of a large pack, for as long as that
 * takes.
 *
 * @module
 */

import { StorageError } from "../core/errors.ts";
import type { MessagePortLike } from "../core/host.ts";
import type { Kernels } from "../kernels/types.ts";
import {
  type HelperSource,
  type HelpOrder,
  type ResolveHelper,
  resolverWith,
} from "../pack/intake/resolve_deltas.ts";
import { joinTeam } from "../pack/intake/resolve_team.ts";
import type { ResolveDeltas } from "../pack/intake/resolve_types.ts";
import { NODE_FILES } from "../runtime/files.ts";
import { processorCount } from "../runtime/workers.ts";
import { startThread } from "../threads.ts";

/** To a thread that is to help; it answers with {@linkcode HelpAnswer}. */
export interface HelpMessage {
  /** Tells it from what other threads are asked. */
  readonly type: "resolve";
  /** What it is to do. */
  readonly order: HelpOrder;
}

/** From a thread that has helped. */
export interface HelpAnswer {
  /** Tells it from what other threads say. */
  readonly type: "resolved";
  /** Why it could not go on; absent where nothing is left to do. */
  readonly failure?: string;
}

/**
 * How many threads resolve a pack: as builtin/index-pack.c: cmd_index_pack
 * takes them for a number of processors.
 */
export function resolveThreads(processors: number): number {
  if (processors < 4) return Math.max(1, processors);
  if (processors < 6) return 3;
  return processors < 40 ? Math.floor(processors / 2) : 20;
}

/** Resolves in this thread and others, which end with each pack. */
export function threadedResolver(
  processors: number = processorCount(),
): ResolveDeltas {
  return resolverWith(helperThreads(resolveThreads(processors) - 1));
}

/** Up to `count` threads that help. */
export function helperThreads(count: number): HelperSource {
  return { count, start: startHelper };
}

function startHelper(): ResolveHelper {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fail = (why: string): void =>
    reject(new StorageError("helper-failed", why));
  const port: MessagePortLike = startThread({
    onMessage(message) {
      const answer = message as Partial<HelpAnswer>;
      if (answer.type !== "resolved") return;
      if (answer.failure === undefined) resolve();
      else fail(answer.failure);
    },
    onError: fail,
  });
  return {
    help(order) {
      port.post({ type: "resolve", order } satisfies HelpMessage);
      return promise;
    },
    close: () => port.close(),
  };
}

/** In a thread that helps: takes part until nothing is left. */
export function helpResolve(
  { state, thread, path }: HelpOrder,
  kernels: Kernels,
): void {
  const pack = NODE_FILES.open(path);
  if (pack === undefined) {
    throw new StorageError("lost-pack", `cannot open '${path}'`);
  }
  try {
    const step = joinTeam(state, { thread, kernels, pack });
    while (step());
  } finally {
    pack.close();
  }
}
