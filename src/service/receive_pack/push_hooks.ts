/**
 * What may look at a push and say no, as receive-pack sees it: programs in the
 * repository's `hooks`, and callbacks of the program that serves it, behind
 * one port.
 *
 * @see https://git-scm.com/docs/githooks
 * @module
 */

import type { Oid } from "../../core/oid.ts";
import type { RefName } from "../../core/ref_name.ts";
import type { RefObserver } from "../../storage/writes.ts";
import type { ServiceContext } from "../types.ts";
import type { PushListeners } from "./push_events.ts";

/** One command of a push, as hooks are told of it. Can be cloned. */
export interface PushedRef {
  /** The ref as the client names it, without a namespace. */
  readonly name: RefName;
  /** What it was; the zero id for "not there". */
  readonly old: Oid;
  /** What it is to be; the zero id for a deletion. */
  readonly new: Oid;
}

/** A push as hooks are told of it. Can be cloned. */
export interface Push {
  /** Its commands, in the client's order. */
  readonly refs: readonly PushedRef[];
  /** Push options, where they were negotiated: binary strings. */
  readonly options?: readonly string[];
}

/** Takes what a hook writes: bytes for band 2, as they come. */
export type HookOutput = (bytes: Uint8Array) => Promise<void>;

/** The hooks of one session on one repository. */
export interface PushHooks {
  /** Whether a program may look into the quarantine, as unless told. */
  readonly quarantineSeenBy?: "programs" | "nobody";
  /**
   * Before anything of the push is visible; `environment` is the quarantine's.
   * False refuses all of it. Rejects where a hook cannot be run.
   */
  preReceive(
    push: Push,
    environment: Readonly<Record<string, string>>,
    output: HookOutput,
  ): Promise<boolean>;
  /** Before one ref is updated: false refuses that. Absent: none would say. */
  readonly update?: (ref: PushedRef, output: HookOutput) => Promise<boolean>;
  /** Hears of transactions. Absent: there is none that would. */
  readonly observe?: (output: HookOutput) => RefObserver;
  /** After the report, with the refs that were updated. Never rejects. */
  postReceive(push: Push, output: HookOutput): Promise<void>;
  /** After that, likewise: git's `post-update`. */
  postUpdate(refs: readonly RefName[], output: HookOutput): Promise<void>;
}

/** What the hooks of sessions come from. */
export interface HookSource {
  /**
   * The hooks of one push, on the repository of `context`. Rejects with a
   * StorageError where the configuration leads nowhere.
   */
  open(context: ServiceContext): Promise<PushHooks>;
  /** The callbacks among them, which only their own thread can call. */
  readonly listeners?: PushListeners;
}

const ACCEPTED = true;

/** Where there are no hooks. */
export const NO_HOOKS: PushHooks = {
  quarantineSeenBy: "nobody",
  preReceive: async () => await Promise.resolve(ACCEPTED),
  postReceive: () => Promise.resolve(),
  postUpdate: () => Promise.resolve(),
};

/** Hooks that are asked one after the other; the first "no" counts. */
export function joinHooks(first: PushHooks, second: PushHooks): PushHooks {
  const updates = [first.update, second.update].filter((each) =>
    each !== undefined
  );
  const observe = joinObservers(first.observe, second.observe);
  const isUnseen = [first, second].every(({ quarantineSeenBy }) =>
    quarantineSeenBy === "nobody"
  );
  return {
    quarantineSeenBy: isUnseen ? "nobody" : "programs",
    preReceive: async (push, environment, output) =>
      await first.preReceive(push, environment, output) &&
      await second.preReceive(push, environment, output),
    ...(updates.length === 0 ? {} : {
      update: async (ref, output) => {
        for (const update of updates) {
          if (!await update(ref, output)) return false;
        }
        return true;
      },
    }),
    ...(observe === undefined ? {} : { observe }),
    async postReceive(push, output) {
      await first.postReceive(push, output);
      await second.postReceive(push, output);
    },
    async postUpdate(refs, output) {
      await first.postUpdate(refs, output);
      await second.postUpdate(refs, output);
    },
  };
}

type Observe = PushHooks["observe"];

function joinObservers(first: Observe, second: Observe): Observe {
  if (first === undefined || second === undefined) return first ?? second;
  return (output) => {
    const observers = [first(output), second(output)];
    return async (phase, updates) => {
      for (const observer of observers) {
        if (!await observer(phase, updates)) return false;
      }
      return true;
    };
  };
}
