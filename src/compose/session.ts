/**
 * What all sessions of a server share.
 *
 * @module
 */

import { SILENT } from "../core/logger.ts";
import { host } from "../runtime/detect.ts";
import { currentProcess } from "../runtime/process.ts";
import { DEFAULT_LIMITS } from "../server/limits.ts";
import { SERVICES } from "../server/services.ts";
import type { SessionContext } from "../server/session_context.ts";
import { SessionIds } from "../server/session_ids.ts";
import { AGENT } from "../server/version.ts";
import { AnswerCache } from "../service/answers.ts";
import { GIT_TERMS } from "../service/types.ts";
import { defaultKernels } from "./kernels.ts";
import type { ServeTcpOptions } from "./tcp.ts";

/** The context of sessions that are served with `options`. */
export function sessionContext(
  options: Pick<
    ServeTcpOptions,
    "backend" | "limits" | "informativeErrors" | "logger" | "terms"
  >,
): SessionContext {
  const logger = options.logger ?? SILENT;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const { clock } = host();
  const [machine = 0] = crypto.getRandomValues(new Uint32Array(1));
  return {
    backend: options.backend,
    services: SERVICES,
    limits,
    answers: new AnswerCache(limits.answerCacheBytes),
    clock,
    logger,
    kernels: defaultKernels(logger),
    agent: AGENT,
    terms: { ...GIT_TERMS, ...options.terms },
    // Not of the machine's name, which is nobody's business.
    sessionIds: new SessionIds({ clock, pid: currentProcess().pid, machine }),
    informativeErrors: options.informativeErrors ?? false,
  };
}
