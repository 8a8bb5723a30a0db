/**
 * Whose process is whose, as Linux tells it: who this process is, and whether
 * another one is proved dead. Elsewhere nothing is proved.
 *
 * Both runtimes run what a worker does in one thread of the system, which ends
 * with the worker. So a worker that failed in the middle of a push is as dead
 * as a process, and is proved so by everybody, its own process too.
 *
 * A process id means something in one pid namespace of one boot of one machine
 * alone. Containers may share the machine's id, its boot, or an image with an
 * id in it; they do not share the namespace, which is therefore part of what
 * is called the machine here.
 *
 * @module
 */

import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import process from "node:process";
import { once } from "../core/once.ts";
import type { Owners, ProcessIdentity, ThreadIdentity } from "../core/owner.ts";
import { codeOf } from "./files.ts";

/** What is asked of the system: a test can answer in its place. */
export interface ProcessTable {
  /** This process. */
  readonly pid: number;
  /** The name of this host. */
  readonly hostName: string;
  /** A small file as text; `undefined` where it cannot be read. */
  read(path: string): string | undefined;
  /** Where a symlink leads; `undefined` where it cannot be read. */
  readLink(path: string): string | undefined;
  /** Whether it is sure that there is no process of that number. */
  isFree(pid: number): boolean;
}

const NODE_PROCESSES: ProcessTable = {
  pid: process.pid,
  get hostName() {
    return hostname();
  },
  read(path) {
    try {
      return readFileSync(path, "latin1");
    } catch {
      return undefined;
    }
  },
  readLink(path) {
    try {
      return readlinkSync(path);
    } catch {
      return undefined;
    }
  },
  // Not by a look into /proc, which may hide the processes of others.
  isFree(pid) {
    try {
      process.kill(pid, 0);
      return false;
    } catch (error) {
      return codeOf(error) === "ESRCH";
    }
  },
};

// proc_ns.h: PROC_PID_INIT_INO, the namespace that no container has.
const FIRST_NAMESPACE = "pid:[4026531836]";
/** What stands for a boot that cannot be named: it proves nothing. */
const NO_BOOT = "unknown";

/** The processes of this machine, as this thread sees them. */
export const systemOwners: () => Owners = once(() => ownersOf(NODE_PROCESSES));

/** {@linkcode Owners} over what a system tells. */
export function ownersOf(table: ProcessTable): Owners {
  const { machine, boot, isWholeMachine } = placeOf(table);
  const thread = threadOf(table);
  const self = {
    machine,
    boot,
    pid: table.pid,
    start: statOf(table, `${table.pid}`)?.start ?? "",
    ...(thread === undefined ? {} : { thread }),
  };
  return {
    self,
    isDead(other) {
      if (boot === NO_BOOT || other.machine !== machine) return false;
      // A container's image may bring its machine's id along to other hosts.
      if (other.boot !== boot) return isWholeMachine && other.boot !== NO_BOOT;
      return isGone(table, other);
    },
  };
}

function isGone(table: ProcessTable, other: ProcessIdentity): boolean {
  if (table.isFree(other.pid)) return true;
  const stat = statOf(table, `${other.pid}`);
  if (stat === undefined) return false;
  if (stat.isOver || (other.start !== "" && stat.start !== other.start)) {
    return true;
  }
  const { thread } = other;
  if (thread === undefined) return false;
  // Who may read of the process may read of its threads, while there are any.
  const now = statOf(table, taskOf(other.pid, thread.id));
  return now === undefined || now.start !== thread.start;
}

/** The thread that asks, unless it is the first of its process. */
function threadOf(table: ProcessTable): ThreadIdentity | undefined {
  const link = table.readLink("/proc/thread-self");
  const id = Number(/^(\d+)\/task\/(\d+)$/.exec(link ?? "")?.[2] ?? NaN);
  if (!Number.isSafeInteger(id) || id === table.pid) return undefined;
  const start = statOf(table, taskOf(table.pid, id))?.start;
  return start === undefined ? undefined : { id, start };
}

function taskOf(pid: number, thread: number): string {
  return `${pid}/task/${thread}`;
}

interface Place {
  readonly machine: string;
  readonly boot: string;
  /** Whether another boot of it is proved to have ended this one's. */
  readonly isWholeMachine: boolean;
}

function placeOf(table: ProcessTable): Place {
  const id = firstLine(table.read("/etc/machine-id"));
  const boot = firstLine(table.read("/proc/sys/kernel/random/boot_id"));
  const processes = table.readLink("/proc/self/ns/pid");
  // Start times are counted from the boot as a time namespace has it.
  const time = table.readLink("/proc/self/ns/time");
  const hasId = /^[0-9a-f]{32}$/.test(id);
  const host = table.hostName;
  const machine = [hasId ? id : "", host, digitsOf(processes), digitsOf(time)]
    .join(" ");
  // A /proc of another namespace tells of processes that have our numbers.
  const isOurs = table.readLink("/proc/self") === String(table.pid);
  const isKnown = processes !== undefined && isOurs && boot !== "";
  return {
    machine,
    boot: isKnown ? boot : NO_BOOT,
    isWholeMachine: hasId && processes === FIRST_NAMESPACE,
  };
}

/** "pid:[123]" in few letters. */
function digitsOf(namespace = ""): string {
  return namespace.replace(/\D/g, "");
}

function firstLine(text: string | undefined): string {
  return text?.split("\n", 1)[0]?.trim() ?? "";
}

interface ProcessStat {
  readonly start: string;
  /** Whether it has ended and its parent has not asked yet how. */
  readonly isOver: boolean;
}

/** proc(5), /proc/pid/stat; the name, in parentheses, may hold anything. */
function statOf(table: ProcessTable, of: string): ProcessStat | undefined {
  const text = table.read(`/proc/${of}/stat`);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(")") + 1).trim().split(/\s+/);
  // Numbered from 1 in the manual, where state is 3.
  const [state, threads, start] = [fields[0], fields[17], fields[19]];
  if (start === undefined || !/^\d+$/.test(start)) return undefined;
  // A process whose first thread has ended looks alike, but has others.
  const isOver = (state === "Z" || state === "X") && Number(threads) <= 1;
  return { start, isOver };
}
