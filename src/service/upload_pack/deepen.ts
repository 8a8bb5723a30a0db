/**
 * The shallow family of requests: which history is cut where, and what the
 * client is told of it.
 *
 * @see https://git-scm.com/docs/shallow
 * @module
 */

import { printable } from "../../core/bytes.ts";
import { ProtocolError } from "../../core/errors.ts";
import type { Oid } from "../../core/oid.ts";
import { parseRefName } from "../../core/ref_name.ts";
import {
  type Boundary,
  deepenByDepth,
  deepenByRevList,
  type DeepenRequest,
  inheritBoundary,
} from "../../graph/shallow.ts";
import { COMMIT } from "../../object/kind.ts";
import type { ObjectGraph, Snapshot } from "../../storage/types.ts";
import type { ShallowRequest } from "../../wire/shallow_lines.ts";
import type { Conversation } from "../conversation.ts";
import type { BetweenSlices } from "../pacer.ts";
import { ourTips } from "./our_refs.ts";

/** A request's shallow lines, looked up. */
export interface ShallowState extends DeepenRequest {
  /** The lines. */
  readonly request: ShallowRequest;
  /** What `deepen-not` names. */
  readonly not: readonly number[];
}

/**
 * Looks up what the shallow lines name. Throws a ProtocolError, in git's
 * words, for a `shallow` object that is no commit, and for a `deepen-not` that
 * is not exactly one ref of those that `isShown` lets be named.
 */
export function resolveShallow(
  snapshot: Snapshot,
  wants: readonly number[],
  request: ShallowRequest,
  isShown: (name: string) => boolean = () => true,
): ShallowState {
  const { objects } = snapshot;
  const clientShallow = found(objects, request.clientShallow);
  for (const commit of clientShallow) {
    if (objects.kind(commit) !== COMMIT) {
      throw new ProtocolError(
        "bad-shallow",
        `invalid shallow object ${objects.oid(commit)}`,
      );
    }
  }
  const not = request.not.map((name) => resolveNot(snapshot, name, isShown))
    .filter((number) => number >= 0);
  const serverShallow = found(objects, snapshot.shallow);
  return { request, wants, clientShallow, serverShallow, not };
}

/** Whether the client asked for another depth than it has. */
export function asksForDepth(request: ShallowRequest): boolean {
  return request.depth > 0 || asksForRevList(request);
}

function asksForRevList(request: ShallowRequest): boolean {
  return request.since !== undefined || request.not.length > 0;
}

/**
 * Computes the new boundary and gathers its `shallow` and `unshallow` lines
 * (upload-pack.c: send_shallow_list). Throws a ProtocolError for depths that
 * exclude each other, and where nothing is left to send.
 */
export async function deepen(
  conversation: Conversation,
  snapshot: Snapshot,
  state: ShallowState,
  between?: BetweenSlices,
): Promise<Boundary> {
  const { request } = state;
  if (request.depth > 0 && asksForRevList(request)) {
    throw new ProtocolError(
      "bad-deepen",
      "git upload-pack: deepen and deepen-since (or deepen-not) cannot be " +
        "used together",
    );
  }
  const { wants, clientShallow, serverShallow, not } = state;
  const asked = { wants, clientShallow, serverShallow };
  const graph = snapshot.objects;
  const work = request.depth > 0
    ? deepenByDepth(graph, {
      ...asked,
      depth: request.depth,
      relative: request.relative,
      ...(request.relative
        ? { tips: ourTips(conversation.context, snapshot) }
        : {}),
    })
    : deepenByRevList(graph, { ...asked, not, since: request.since ?? 0 });
  const boundary = await conversation.pacer.drive(work, between);
  return tell(conversation, graph, boundary);
}

/**
 * The boundary of a v2 client that asked for no depth, of a repository that is
 * itself shallow: the client is told this repository's boundary.
 */
export async function inherit(
  conversation: Conversation,
  graph: ObjectGraph,
  state: ShallowState,
  between?: BetweenSlices,
): Promise<Boundary> {
  const boundary = await conversation.pacer.drive(
    inheritBoundary(graph, state),
    between,
  );
  return tell(conversation, graph, boundary);
}

function tell(
  conversation: Conversation,
  graph: ObjectGraph,
  boundary: Boundary,
): Boundary {
  for (const commit of boundary.shallow) {
    conversation.say(`shallow ${graph.oid(commit)}`);
  }
  for (const commit of boundary.unshallow) {
    conversation.say(`unshallow ${graph.oid(commit)}`);
  }
  return boundary;
}

function found(graph: ObjectGraph, oids: readonly Oid[]): number[] {
  return oids.map((oid) => graph.find(oid)).filter((number) => number >= 0);
}

/** refs.c: ref_rev_parse_rules, as functions of the short name. */
export const REF_RULES: readonly ((name: string) => string)[] = [
  (name) => name,
  (name) => `refs/${name}`,
  (name) => `refs/tags/${name}`,
  (name) => `refs/heads/${name}`,
  (name) => `refs/remotes/${name}`,
  (name) => `refs/remotes/${name}/HEAD`,
];

/**
 * refs.c: expand_ref, which must find exactly one ref. git looks for it in the
 * whole repository, whatever the namespace: there a client would learn of refs
 * that it is not shown.
 */
function resolveNot(
  snapshot: Snapshot,
  name: string,
  isShown: (name: string) => boolean,
): number {
  const matches = REF_RULES.map((rule) => rule(name)).filter(isShown)
    .map((full) => lookUp(snapshot, full))
    .filter((oid) => oid !== undefined);
  const oid = matches.length === 1 ? matches[0] : undefined;
  if (oid === undefined) {
    throw new ProtocolError(
      "bad-deepen",
      "git upload-pack: ambiguous deepen-not: deepen-not " + printable(name),
    );
  }
  return snapshot.objects.find(oid);
}

/** What the ref of that full name, or HEAD, resolves to. */
export function lookUp(snapshot: Snapshot, text: string): Oid | undefined {
  if (text === "HEAD") return snapshot.refs.head?.oid;
  const name = parseRefName(text);
  return name === undefined ? undefined : snapshot.refs.get(name)?.oid;
}
