/**
 * The capabilities of receive-pack: one row each, in git's order
 * (builtin/receive-pack.c: show_ref).
 *
 * @see https://git-scm.com/docs/protocol-capabilities
 * @module
 */

import { formatCapability, sanitizeAgent } from "../../wire/capabilities.ts";
import { advertisedSessionId } from "../session_id.ts";
import type { ServiceContext } from "../types.ts";
import type { ReceiveSettings } from "./settings.ts";

/** One capability. */
export interface ReceiveCapability {
  /** Its name on the wire. */
  readonly name: string;
  /** Its value, "" for a bare name, `undefined` to leave it out. */
  advertise(
    context: ServiceContext,
    settings: ReceiveSettings,
  ): string | undefined;
}

const bare = (name: string): ReceiveCapability => ({
  name,
  advertise: () => "",
});

/** The rows. Certificates are not taken: `push-cert` is none of them. */
export const RECEIVE_PACK_CAPABILITIES: readonly ReceiveCapability[] = [
  bare("report-status"),
  bare("report-status-v2"),
  bare("delete-refs"),
  bare("side-band-64k"),
  bare("quiet"),
  {
    name: "atomic",
    advertise: (_, settings) => settings.advertiseAtomic ? "" : undefined,
  },
  {
    name: "ofs-delta",
    advertise: (_, settings) => settings.ofsDelta ? "" : undefined,
  },
  {
    name: "push-options",
    advertise: (_, settings) => settings.advertisePushOptions ? "" : undefined,
  },
  {
    name: "session-id",
    advertise: (context) => advertisedSessionId(context),
  },
  {
    name: "object-format",
    advertise: (context) => context.repository.format.name,
  },
  {
    name: "agent",
    advertise: (context) => sanitizeAgent(context.agent),
  },
];

/** The list behind the NUL, with spaces between. */
export function formatReceiveCapabilities(
  context: ServiceContext,
  settings: ReceiveSettings,
): string {
  const words: string[] = [];
  for (const row of RECEIVE_PACK_CAPABILITIES) {
    const value = row.advertise(context, settings);
    if (value !== undefined) words.push(formatCapability(row.name, value));
  }
  return words.join(" ");
}
