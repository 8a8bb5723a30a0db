/**
 * Where hooks of pushes come from: the programs of repositories, and then the
 * callbacks of the program that serves them.
 *
 * @module
 */

import { environment } from "../runtime/process.ts";
import type { HookSystem } from "../service/receive_pack/program_hooks.ts";
import type { PushListeners } from "../service/receive_pack/push_events.ts";
import {
  type HookSource,
  joinHooks,
  NO_HOOKS,
} from "../service/receive_pack/push_hooks.ts";

/**
 * Hooks for the sessions of this thread. Their code is loaded with the first
 * push.
 */
export function hookSource(listeners: PushListeners | undefined): HookSource {
  return {
    ...(listeners === undefined ? {} : { listeners }),
    async open(context) {
      const { programHooks } = await import(
        "../service/receive_pack/program_hooks.ts"
      );
      const { repository } = context;
      const programs = repository.address === undefined
        ? undefined
        : await programHooks(context, await hookSystem());
      if (listeners === undefined) return programs ?? NO_HOOKS;
      const { eventHooks } = await import(
        "../service/receive_pack/event_hooks.ts"
      );
      const events = eventHooks(context, listeners);
      return programs === undefined ? events : joinHooks(programs, events);
    },
  };
}

/** What running hooks asks of this system. */
export async function hookSystem(): Promise<HookSystem> {
  const { isExecutable, runProgram } = await import("../runtime/programs.ts");
  return {
    isExecutable,
    run: runProgram,
    async homeOf(user) {
      if (user === "") return environment("HOME");
      const { findUser } = await import("../runtime/accounts.ts");
      return (await findUser(user))?.home;
    },
  };
}
