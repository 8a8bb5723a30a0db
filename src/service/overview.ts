/**
 * What people want to know of a repository at a glance: its description, its
 * default branch, how much there is, and what was done last.
 *
 * @module
 */

import { binaryToUtf8, fromUtf8, toUtf8 } from "../core/bytes.ts";
import { StorageError } from "../core/errors.ts";
import { COMMIT } from "../object/kind.ts";
import type { Head, ObjectStore, Snapshot } from "../storage/types.ts";
import type { Conversation } from "./conversation.ts";
import { carryOut } from "./errand.ts";
import { hiddenRefs } from "./hidden_refs.ts";

/** How much is asked for. */
export type OverviewDetail = "line" | "page";

/** What HEAD is. */
export type HeadState = "branch" | "unborn" | "detached" | "missing";

/** What can be said of a repository. Its texts are as their authors wrote. */
export interface Overview {
  /** What its owner says of it. */
  readonly description?: string;
  /** What HEAD is. */
  readonly head: HeadState;
  /** The branch that HEAD names, without `refs/heads/`. */
  readonly branch?: string;
  /** For a page: its branches, up to a bound. */
  readonly branches?: Count;
  /** For a page: its tags, likewise. */
  readonly tags?: Count;
  /** For a page: the commit of HEAD, where there is one that can be read. */
  readonly commit?: CommitLine;
}

/** How many there are. */
export interface Count {
  /** So many were counted. */
  readonly count: number;
  /** Whether these are all. */
  readonly isAll: boolean;
}

/** One commit, in a line. */
export interface CommitLine {
  /** The first paragraph of its message, in one line. */
  readonly subject: string;
  /** When it was committed, seconds since 1970. */
  readonly time: number;
}

/** Longer texts are cut: nobody reads them at a glance. */
const MAX_TEXT = 1000;
const MAX_COUNT = 10_000;
/** Larger commits have no line. */
const MAX_COMMIT_BYTES = 1024 * 1024;
/** The message's beginning, which has the subject. */
const MAX_MESSAGE_BYTES = 16 * 1024;

/** Writes an {@linkcode Overview} as JSON, from wherever that is done best. */
export function tellOverview(
  conversation: Conversation,
  detail: OverviewDetail,
): Promise<void> {
  return carryOut(
    conversation,
    { kind: "overview", detail },
    () => answerOverview(conversation, detail),
  );
}

/** The same, from this thread. */
export async function answerOverview(
  conversation: Conversation,
  detail: OverviewDetail,
): Promise<void> {
  const { connection, repository, signal } = conversation.context;
  using snapshot = await repository.snapshot();
  const { head } = snapshot.refs;
  const description = conversation.stored.description?.();
  const overview: Overview = {
    ...(description === undefined
      ? {}
      : { description: description.slice(0, MAX_TEXT) }),
    ...headOf(head),
    ...(detail === "page" ? await detailsOf(conversation, snapshot) : {}),
  };
  await connection.write(fromUtf8(JSON.stringify(overview)), signal);
}

function headOf(head: Head | undefined): Pick<Overview, "head" | "branch"> {
  if (head === undefined) return { head: "missing" };
  if (head.target === undefined) return { head: "detached" };
  const branch = binaryToUtf8(head.target.replace(/^refs\/heads\//, ""));
  return {
    head: head.oid === undefined ? "unborn" : "branch",
    branch: branch.slice(0, MAX_TEXT),
  };
}

async function detailsOf(
  conversation: Conversation,
  snapshot: Snapshot,
): Promise<Partial<Overview>> {
  const oid = snapshot.refs.head?.oid;
  const commit = oid === undefined
    ? undefined
    : commitLine(snapshot.objects, snapshot.objects.find(oid));
  return {
    branches: await countRefs(conversation, snapshot, "refs/heads/"),
    tags: await countRefs(conversation, snapshot, "refs/tags/"),
    ...(commit === undefined ? {} : { commit }),
  };
}

/** Those that a clone would be told of. */
async function countRefs(
  { context, pacer }: Conversation,
  { refs }: Snapshot,
  prefix: string,
): Promise<Count> {
  const hidden = hiddenRefs(context);
  let count = 0;
  let seen = 0;
  for (const { name } of refs.list(prefix)) {
    if (seen++ >= MAX_COUNT) return { count, isAll: false };
    if (!hidden.hides(name)) count++;
    if (pacer.due) await pacer.turn();
  }
  return { count, isAll: true };
}

/** A commit in a line, by its number; `undefined` for what cannot be read. */
export function commitLine(
  objects: ObjectStore,
  number: number,
): CommitLine | undefined {
  try {
    if (number < 0 || objects.kind(number) !== COMMIT) return undefined;
    const { data } = objects.read(number, MAX_COMMIT_BYTES);
    const subject = subjectOf(data);
    return { subject, time: objects.commitTime(number) };
  } catch (error) {
    // The log hears of it from those who need the object.
    if (error instanceof StorageError) return undefined;
    throw error;
  }
}

/** pretty.c: `%s`. */
function subjectOf(data: Uint8Array): string {
  const end = headerEnd(data);
  const header = toUtf8(data.subarray(0, end));
  const encoding = /^encoding (.{1,40})$/m.exec(header)?.[1] ?? "utf-8";
  const message = decode(
    data.subarray(end, end + MAX_MESSAGE_BYTES),
    encoding,
  ).replace(/^(?:[ \t\r]*\n)+/, "");
  const paragraph = /^[^\n]*(?:\n[ \t\r]*[^ \t\r\n][^\n]*)*/.exec(message);
  return (paragraph?.[0] ?? "").split("\n").map((line) => line.trim())
    .join(" ").slice(0, MAX_TEXT);
}

/** Where the empty line behind a commit's headers ends. */
function headerEnd(data: Uint8Array): number {
  let at = 0;
  for (;;) {
    const end = data.indexOf(0x0a, at);
    if (end < 0) return data.length;
    if (end === at) return end + 1;
    at = end + 1;
  }
}

function decode(bytes: Uint8Array, encoding: string): string {
  try {
    return new TextDecoder(encoding).decode(bytes);
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) {
      return toUtf8(bytes);
    }
    throw error;
  }
}
