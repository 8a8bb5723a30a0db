/**
 * Becoming another user for good, with every thread and without any group
 * that is not the user's.
 *
 * @module
 */

import { readdirSync, readFileSync } from "node:fs";
import nodeProcess from "node:process";
import { UsageError } from "../core/errors.ts";

/** Whom to become. */
export interface Credentials {
  /** The user's name, for the groups that the user is in. */
  readonly name: string;
  /** The user's number. */
  readonly uid: number;
  /** The number of the group to be in first of all. */
  readonly gid: number;
}

/** The calls that this takes; some runtimes lack the middle one. */
interface PrivilegeCalls {
  initgroups?(user: string, group: number): void;
  setgid?(group: number): void;
  setuid?(user: number): void;
}

const CALLS = nodeProcess as unknown as PrivilegeCalls;

/**
 * Why this runtime cannot become another user; `undefined` where it can. Deno
 * sets user and group, but leaves us the supplementary groups that we have.
 */
export function cannotDropPrivileges(): string | undefined {
  return CALLS.initgroups === undefined || CALLS.setgid === undefined ||
      CALLS.setuid === undefined
    ? "--user is not supported on this runtime, which cannot leave " +
      "supplementary groups"
    : undefined;
}

/**
 * Becomes that user. Throws a UsageError where that does not succeed for every
 * thread of this process: then it must end.
 */
export function dropPrivileges(credentials: Credentials): void {
  const { name, uid, gid } = credentials;
  const why = cannotDropPrivileges();
  if (why !== undefined) throw new UsageError("no-privileges", why);
  try {
    CALLS.initgroups?.(name, gid);
    CALLS.setgid?.(gid);
    CALLS.setuid?.(uid);
  } catch (cause) {
    throw cannotDrop(cause);
  }
  if (!threadIdentities().every((each) => each === `${uid}:${gid}`)) {
    throw cannotDrop(undefined);
  }
}

function cannotDrop(cause: unknown): UsageError {
  // daemon.c: drop_privileges.
  const words = "cannot drop privileges";
  return new UsageError("no-privileges", words, { cause });
}

/** "uid:gid" of every thread, where the system tells; real, set and saved. */
function threadIdentities(): string[] {
  let threads: string[];
  try {
    threads = readdirSync("/proc/self/task");
  } catch {
    return [];
  }
  return threads.flatMap((thread) => {
    let status: string;
    try {
      status = readFileSync(`/proc/self/task/${thread}/status`, "utf8");
    } catch {
      return []; // It has ended meanwhile.
    }
    const same = (label: string): string => {
      const ids = new RegExp(`^${label}:\\s*(.*)$`, "m").exec(status)?.[1];
      const different = new Set((ids ?? "?").trim().split(/\s+/));
      return different.size === 1 ? [...different].join() : "?";
    };
    return [`${same("Uid")}:${same("Gid")}`];
  });
}
