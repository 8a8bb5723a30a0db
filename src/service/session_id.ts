/**
 * The ids by which the logs of a client and a server can be brought together:
 * ours, which it is told, and its own, which is logged.
 *
 * @see https://git-scm.com/docs/protocol-capabilities#_session_idsession_id
 * @module
 */

import { printable } from "../core/bytes.ts";
import type { ServiceContext } from "./types.ts";

/**
 * The session's id where `transfer.advertiseSID` asks for it to be told.
 * Throws a StorageError "bad-config" where that is no boolean.
 */
export function advertisedSessionId(
  { repository, terms }: ServiceContext,
): string | undefined {
  const isAsked = repository.config.boolean("transfer.advertisesid") ?? false;
  return isAsked && terms.sessionId !== "" ? terms.sessionId : undefined;
}

/** Logs the client's id; one that it did not give is no event. */
export function noteClientSession(
  { logger }: Pick<ServiceContext, "logger">,
  id: string | undefined,
): void {
  if (id === undefined) return;
  logger.log("info", `Session of the client: '${printable(id)}'`);
}
