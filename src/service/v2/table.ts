/**
 * The capabilities and commands of protocol v2: one row each, in git's order
 * (serve.c).
 *
 * @see https://git-scm.com/docs/protocol-v2#_capabilities
 * @module
 */

import { once } from "../../core/once.ts";
import { formatCapability, sanitizeAgent } from "../../wire/capabilities.ts";
import type { V2Names } from "../../wire/v2_request.ts";
import type { Conversation } from "../conversation.ts";
import type { ServiceContext } from "../types.ts";
import { advertisesBundleUris, bundleUriCommand } from "./bundle_uri.ts";
import { fetchFeatures } from "./fetch_features.ts";
import { lsRefsCommand, unbornPolicy } from "./ls_refs.ts";

/** One request to a command: its arguments come in, then it runs. */
export interface V2Invocation {
  /** Takes one argument; throws a ProtocolError for a bad one. */
  take(line: string): void;
  /** Answers, once all arguments were taken. */
  run(): Promise<void>;
  /** What is said where the arguments do not end in a flush. */
  readonly unended: string;
}

/** Starts a request to a command. */
export type V2Command = (conversation: Conversation) => V2Invocation;

/** One capability, or command. */
export interface V2Capability {
  /** Its name on the wire. */
  readonly name: string;
  /** Its value, "" for a bare name, `undefined` to leave it out. */
  advertise(context: ServiceContext): string | undefined;
  /** Gives what a command does; absent for a capability that is none. */
  readonly command?: () => Promise<V2Command>;
}

// Loaded when a client asks: what walks histories is most of the code, and without
// it and the object store a process for one session is 1 ms earlier.
const fetchModule = once(() => import("./fetch.ts"));
const objectInfoModule = once(() => import("./object_info.ts"));

/** The rows. A new command is a row here and a file beside this one. */
export const V2_CAPABILITIES: readonly V2Capability[] = [
  { name: "agent", advertise: (context) => sanitizeAgent(context.agent) },
  {
    name: "ls-refs",
    advertise: (context) =>
      unbornPolicy(context) === "advertise" ? "unborn" : "",
    command: () => Promise.resolve(lsRefsCommand),
  },
  {
    name: "fetch",
    advertise: (context) =>
      ["shallow", "wait-for-done", ...fetchFeatures(context)].join(" "),
    command: async () => (await fetchModule()).fetchCommand,
  },
  { name: "server-option", advertise: () => "" },
  {
    name: "object-format",
    advertise: (context) => context.repository.format.name,
  },
  {
    name: "session-id",
    advertise({ repository, terms }) {
      const asked = repository.config.boolean("transfer.advertisesid");
      return asked === true && terms.sessionId !== ""
        ? terms.sessionId
        : undefined;
    },
  },
  {
    name: "object-info",
    // git 2.39 always has it, under whatever configuration; the key is of later versions.
    advertise: ({ repository }) =>
      repository.config.boolean("transfer.advertiseobjectinfo") === false
        ? undefined
        : "",
    command: async () => (await objectInfoModule()).objectInfoCommand,
  },
  {
    name: "bundle-uri",
    advertise: (context) => advertisesBundleUris(context) ? "" : undefined,
    command: () => Promise.resolve(bundleUriCommand),
  },
];

/** The lines between `version 2` and the flush. */
export function capabilityLines(context: ServiceContext): string[] {
  const lines: string[] = [];
  for (const row of V2_CAPABILITIES) {
    const value = row.advertise(context);
    if (value !== undefined) lines.push(formatCapability(row.name, value));
  }
  return lines;
}

/** The names that a request may use: those that are advertised. */
export function requestNames(context: ServiceContext): V2Names {
  const commands = new Set<string>();
  const capabilities = new Set<string>();
  for (const row of V2_CAPABILITIES) {
    if (row.advertise(context) === undefined) continue;
    (row.command === undefined ? capabilities : commands).add(row.name);
  }
  return { commands, capabilities };
}

/** The command of a name that {@linkcode requestNames} holds. */
export async function findCommand(
  name: string,
): Promise<V2Command | undefined> {
  return await V2_CAPABILITIES.find((row) => row.name === name)?.command?.();
}
