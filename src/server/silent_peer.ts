/**
 * A peer that has come, said nothing and left, where somebody sees how it
 * ended: over git:// nobody does, since git's daemon has no status to give.
 *
 * @module
 */

import { ProtocolError } from "../core/errors.ts";
import type { ServiceName } from "../wire/git_request.ts";
import type { TimedConnection } from "./timed_connection.ts";

/** A session that has come to its end without an error. */
export interface EndedSession {
  /** What was asked for. */
  readonly service: ServiceName;
  /** The version that was spoken. */
  readonly protocol: 0 | 1 | 2;
  /** Whether the peer was to hear what there is, and nothing else. */
  readonly advertiseOnly: boolean;
}

/**
 * Throws where the peer had to ask for something and did not: upload-pack.c,
 * receive_needs; receive-pack.c, read_head_info.
 */
export function refuseSilence(
  connection: Pick<TimedConnection, "isSilent">,
  { service, protocol, advertiseOnly }: EndedSession,
): void {
  const mustAsk = !advertiseOnly && (service === "receive-pack" ||
    (service === "upload-pack" && protocol < 2));
  if (!mustAsk || !connection.isSilent) return;
  throw new ProtocolError("hung-up", "the remote end hung up unexpectedly");
}
