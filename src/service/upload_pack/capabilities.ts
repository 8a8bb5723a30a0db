/**
 * The capabilities of upload-pack in protocol v0 and v1: one row each, in
 * git's order (upload-pack.c: send_ref).
 *
 * @see https://git-scm.com/docs/protocol-capabilities
 * @module
 */

import type { Snapshot } from "../../storage/types.ts";
import { formatCapability, sanitizeAgent } from "../../wire/capabilities.ts";
import { advertisedSessionId } from "../session_id.ts";
import type { ServiceContext } from "../types.ts";
import { offersFilters } from "./filter_rules.ts";
import { wantPolicy } from "./our_refs.ts";

/** What the value of a capability may depend on. */
export interface Advertised {
  /** The session. */
  readonly context: ServiceContext;
  /** What is advertised. */
  readonly snapshot: Snapshot;
}

/** One capability. */
export interface UploadPackCapability {
  /** Its name on the wire. */
  readonly name: string;
  /** Its value, "" for a bare name, `undefined` to leave it out. */
  advertise(view: Advertised): string | undefined;
}

const bare = (name: string): UploadPackCapability => ({
  name,
  advertise: () => "",
});

/** The rows. A new capability is a row here and its behaviour in `v0.ts`. */
export const UPLOAD_PACK_CAPABILITIES: readonly UploadPackCapability[] = [
  bare("multi_ack"),
  bare("thin-pack"),
  bare("side-band"),
  bare("side-band-64k"),
  bare("ofs-delta"),
  bare("shallow"),
  bare("deepen-since"),
  bare("deepen-not"),
  bare("deepen-relative"),
  bare("no-progress"),
  bare("include-tag"),
  bare("multi_ack_detailed"),
  {
    name: "allow-tip-sha1-in-want",
    advertise: ({ context }) =>
      wantPolicy(context.repository.config).tip ? "" : undefined,
  },
  {
    name: "allow-reachable-sha1-in-want",
    advertise: ({ context }) =>
      wantPolicy(context.repository.config).reachable ? "" : undefined,
  },
  {
    // For transports whose rounds come one by one: they ask for it first.
    name: "no-done",
    advertise: ({ context }) => context.terms.advertiseOnly ? "" : undefined,
  },
  {
    name: "symref",
    advertise({ snapshot }) {
      const head = snapshot.refs.head;
      return head?.target === undefined || head.oid === undefined
        ? undefined
        : `HEAD:${head.target}`;
    },
  },
  {
    name: "filter",
    advertise: ({ context }) => offersFilters(context) ? "" : undefined,
  },
  {
    name: "session-id",
    advertise: ({ context }) => advertisedSessionId(context),
  },
  {
    name: "object-format",
    advertise: ({ context }) => context.repository.format.name,
  },
  {
    name: "agent",
    advertise: ({ context }) => sanitizeAgent(context.agent),
  },
];

/** The list behind the NUL, with a space in front of each capability. */
export function formatCapabilities(view: Advertised): string {
  let text = "";
  for (const row of UPLOAD_PACK_CAPABILITIES) {
    const value = row.advertise(view);
    if (value !== undefined) text += ` ${formatCapability(row.name, value)}`;
  }
  return text;
}
