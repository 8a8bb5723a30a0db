/**
 * What a service is given. It never learns which transport called it.
 *
 * @module
 */

import type { Clock, Connection } from "../core/host.ts";
import type { Logger } from "../core/logger.ts";
import type { Kernels } from "../kernels/types.ts";
import type { ConfigView, Repository } from "../storage/types.ts";
import type { Errands } from "./errand.ts";
import type { AnswerCache } from "./answers.ts";
import type { PushOrigin } from "./receive_pack/identity.ts";
import type { HookSource } from "./receive_pack/push_hooks.ts";

/** The protocol versions: the highest that the client asked for and we know. */
export type ProtocolVersion = 0 | 1 | 2;

/** Bounds on what one session may make us do. */
export interface ServiceLimits {
  /** Distinct `want`s in one request. */
  readonly maxWants: number;
  /** `have`s in one session. */
  readonly maxHaves: number;
  /** Rounds of negotiation in one session. */
  readonly maxRounds: number;
  /** `shallow` and `deepen-not` lines in one request. */
  readonly maxShallow: number;
  /** Bytes of requests in one session. */
  readonly maxRequestBytes: number;
  /** Computing without a yield to other sessions, milliseconds. */
  readonly sliceMs: number;
  /** Silence while computing before an empty side-band packet, ms. */
  readonly keepAliveMs: number;
  /** A run of one hook, milliseconds; 0 is no limit. */
  readonly hookMs: number;
}

/**
 * What the operator and the transport have settled for a session, whatever its
 * repository's own configuration says. Can be cloned.
 */
export interface SessionTerms {
  /**
   * Where the repository's refs are, with a slash at the end:
   * "refs/namespaces/a/refs/namespaces/b/" for `GIT_NAMESPACE=a/b`. Without a
   * namespace it is "".
   */
  readonly namespace: string;
  /** One request and its answer are all of it: `--stateless-rpc`. */
  readonly stateless: boolean;
  /** It ends after the advertisement: `--http-backend-info-refs`. */
  readonly advertiseOnly: boolean;
  /** Pushes are told of no progress, whatever they ask: `--quiet`. */
  readonly quiet?: boolean;
  /** What `uploadpack.allowFilter` is where the configuration is silent. */
  readonly filters: boolean;
  /** Our `session-id`, for where `transfer.advertiseSID` asks for one. */
  readonly sessionId: string;
}

/** What git's own commands take for granted. */
export const GIT_TERMS: SessionTerms = {
  namespace: "",
  stateless: false,
  advertiseOnly: false,
  filters: false,
  sessionId: "",
};

/** Whom the transport has found to ask. Can be cloned. */
export interface Caller {
  /** Who that is; absent for somebody who has not said. */
  readonly user?: string;
  /** What hooks find in their environment because of it. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Everything one session works with. */
export interface ServiceContext {
  /** The repository that the client named. */
  readonly repository: Repository;
  /** The peer. Time limits are applied inside it. */
  readonly connection: Connection;
  /** The protocol version to speak. */
  readonly protocol: ProtocolVersion;
  /** Time, and turns of the event loop. */
  readonly clock: Clock;
  /** The log. */
  readonly logger: Logger;
  /** The kernels in use. */
  readonly kernels: Kernels;
  /** Ends the session: shutdown or the session's time limit. */
  readonly signal: AbortSignal;
  /** Bounds. */
  readonly limits: ServiceLimits;
  /** What `agent=` says: "gitsrv/0.1.0". */
  readonly agent: string;
  /** What was settled for this session. */
  readonly terms: SessionTerms;
  /** Threads that look at objects; without them, this one does. */
  readonly errands?: Errands;
  /** Answers that sessions share; each makes its own where there is none. */
  readonly answers?: AnswerCache;
  /** Who serves, as far as configuration does not say; for pushes alone. */
  readonly origin?: (config: ConfigView) => Promise<PushOrigin>;
  /** The repository's path as the client has named it. */
  readonly path?: string;
  /** Who asks, where the transport tells people apart. */
  readonly caller?: Caller;
  /** Where hooks of pushes come from; without it, there are none. */
  readonly hooks?: HookSource;
}

/**
 * One service, run to its end over `context.connection`. Resolves when the
 * conversation ended well or the peer left between messages. Every error that
 * the peer may learn of has been sent to it when this throws: the caller logs
 * the error and closes.
 */
export type Service = (context: ServiceContext) => Promise<void>;
