/**
 * What every session is given, whichever transport it came by. Types alone.
 *
 * @module
 */

import type { Clock } from "../core/host.ts";
import type { Logger } from "../core/logger.ts";
import type { AnswerCache } from "../service/answers.ts";
import type { ServiceContext, SessionTerms } from "../service/types.ts";
import type { Backend } from "../storage/types.ts";
import type { AccessRules } from "./access/types.ts";
import type { AccessHook } from "./access_hook.ts";
import type { LookUpHost } from "./host_names.ts";
import type { Limits } from "./limits.ts";
import type { Seats } from "./seats.ts";
import type { ServiceRow } from "./services.ts";
import type { SessionIds } from "./session_ids.ts";

/** What all sessions of one server share. */
export interface SessionContext {
  /** Finds repositories. */
  readonly backend: Backend;
  /** The services, one row each. */
  readonly services: readonly ServiceRow[];
  /** Bounds. */
  readonly limits: Limits;
  /** What is left of `limits.maxConnections`. */
  readonly seats: Seats;
  /** Time. */
  readonly clock: Clock;
  /** The log. */
  readonly logger: Logger;
  /** The kernels in use. */
  readonly kernels: ServiceContext["kernels"];
  /** What `agent=` says. */
  readonly agent: string;
  /** What is settled for every session. */
  readonly terms: SessionTerms;
  /** What gives each session an id; without it they have none. */
  readonly sessionIds?: SessionIds;
  /** Threads that look into repositories; without them, this one does. */
  readonly errands?: ServiceContext["errands"];
  /** Answers that sessions share. */
  readonly answers?: AnswerCache;
  /** Where hooks of pushes come from; without it, there are none. */
  readonly hooks?: ServiceContext["hooks"];
  /** Whether a push that finds no repository makes one. */
  readonly createOnPush?: boolean;
  /** Who serves; for pushes alone. */
  readonly origin?: ServiceContext["origin"];
  /** Decides over every request before it is served: `--access-hook`. */
  readonly accessHook?: AccessHook;
  /** What the operator says of who may; without it, nothing is said. */
  readonly access?: AccessRules;
  /** Looks a host name up for virtual hosting; without it, none is known. */
  readonly lookUpHost?: LookUpHost;
  /** Whether refused clients learn why: `--informative-errors`. */
  readonly informativeErrors: boolean;
}
