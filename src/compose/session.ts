/**
 * What all sessions of a server share.
 *
 * @module
 */

import { SILENT } from "../core/logger.ts";
import { host } from "../runtime/detect.ts";
import { environment, processId } from "../runtime/process.ts";
import { programHook } from "../server/access_hook.ts";
import { hostLookUp } from "../server/host_names.ts";
import { DEFAULT_LIMITS } from "../server/limits.ts";
import { Seats } from "../server/seats.ts";
import { withSettings } from "../server/service_settings.ts";
import { SERVICES } from "../server/services.ts";
import type { SessionContext } from "../server/session_context.ts";
import { SessionIds } from "../server/session_ids.ts";
import { AGENT } from "../server/version.ts";
import { AnswerCache } from "../service/answers.ts";
import { callbackListeners } from "../service/receive_pack/push_events.ts";
import { GIT_TERMS } from "../service/types.ts";
import { hookSource } from "./hooks.ts";
import { defaultKernels } from "./kernels.ts";
import { pushOrigin } from "./push_origin.ts";
import type { ServeOptions } from "./server.ts";

/** The context of sessions that are served with `options`. */
export function sessionContext(
  options: Pick<
    ServeOptions,
    | "backend"
    | "limits"
    | "informativeErrors"
    | "logger"
    | "terms"
    | "services"
    | "accessHook"
    | "onPreReceive"
    | "onUpdate"
    | "onPostReceive"
    | "createOnPush"
    | "access"
  >,
): SessionContext {
  const logger = options.logger ?? SILENT;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const { clock } = host();
  return {
    backend: options.backend,
    services: withSettings(SERVICES, options.services ?? []),
    limits,
    seats: new Seats(limits.maxConnections),
    answers: new AnswerCache(limits.answerCacheBytes),
    clock,
    logger,
    kernels: defaultKernels(logger),
    agent: AGENT,
    terms: { ...GIT_TERMS, ...options.terms },
    // Not of the machine's name, which is nobody's business.
    sessionIds: new SessionIds({
      clock,
      pid: processId(),
      machine: () => crypto.getRandomValues(new Uint32Array(1))[0] as number,
    }),
    lookUpHost: hostLookUp(
      async (name) =>
        await (await import("../runtime/accounts.ts")).lookUpHost(name),
      clock,
    ),
    ...(options.accessHook === undefined ? {} : {
      accessHook: programHook({
        program: options.accessHook,
        run: async (program, run) =>
          await (await import("../runtime/programs.ts")).runProgram(
            program,
            run,
          ),
        timeoutMs: limits.accessHookMs,
      }),
    }),
    hooks: hookSource(callbackListeners(options, limits.hookMs)),
    createOnPush: options.createOnPush ?? false,
    origin: pushOrigin(environment),
    ...(options.access?.rules === undefined
      ? {}
      : { access: options.access.rules }),
    informativeErrors: options.informativeErrors ?? false,
  };
}
