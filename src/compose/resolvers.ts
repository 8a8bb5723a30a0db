/**
 * Threads that help to resolve the deltas of a large pack, for as long as that
 * takes.
 *
 * @module
 */

import { StorageError } from "../core/errors.ts";
import type { MessagePortLike } from "../core/host.ts";
import type { SharedPlaces } from "../core/shared_places.ts";
import type { Kernels } from "../kernels/types.ts";
import {
  type HelperSource,
  type ResolveHelper,
  resolverWith,
} from "../pack/intake/resolve_deltas.ts";
import {
  type HelpOrder,
  type HelpResult,
  helpTeam,
} from "../pack/intake/resolve_help.ts";
import type { ResolveDeltas } from "../pack/intake/resolve_types.ts";
import { NODE_FILES } from "../runtime/files.ts";
import { startThread } from "../threads.ts";
import { mostHelpers } from "./resolve_threads.ts";

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
  /** What became of it. */
  readonly result: HelpResult;
}

/**
 * Resolves in this thread and others, which end with each pack. Given places,
 * each of the others has one.
 */
export function threadedResolver(
  count: number = mostHelpers(),
  places?: () => SharedPlaces | undefined,
): ResolveDeltas {
  return resolverWith(helperThreads(count, places));
}

/** Up to `count` threads that help, and no more than there are places. */
export function helperThreads(
  count: number,
  places: () => SharedPlaces | undefined = () => undefined,
): HelperSource {
  return {
    count,
    start() {
      const shared = places();
      const leave = shared === undefined ? () => {} : shared.take();
      if (leave === undefined) return undefined;
      try {
        return startHelper(leave);
      } catch {
        // There are too many threads: it goes on without.
        leave();
        return undefined;
      }
    },
  };
}

function startHelper(leave: () => void): ResolveHelper {
  const { promise, resolve, reject } = Promise.withResolvers<HelpResult>();
  const port: MessagePortLike = startThread({
    onMessage(message) {
      const answer = message as FromThread;
      if (answer.type === "resolved") resolve(answer.result);
    },
    onError: (why) => reject(new StorageError("helper-failed", why)),
  });
  return {
    help(order) {
      port.post({ type: "resolve", order } satisfies HelpMessage);
      return promise;
    },
    close() {
      port.close();
      leave();
    },
  };
}

/** What else threads say is of no interest here. */
type FromThread = HelpAnswer | { readonly type: "ready" };

/** In a thread that helps: takes part until nothing is left. */
export function helpResolve(order: HelpOrder, kernels: Kernels): HelpAnswer {
  const type = "resolved";
  const pack = NODE_FILES.open(order.path);
  if (pack === undefined) {
    return { type, result: { failure: `cannot open '${order.path}'` } };
  }
  try {
    return { type, result: helpTeam(order, kernels, pack) };
  } finally {
    pack.close();
  }
}
