/**
 * Who made a file that is in the way: what a process writes down beside its
 * locks and quarantines, so that another can prove it dead, and never guesses.
 * A thread has an identity of its own: it may die while its process lives on.
 *
 * @module
 */

/** One process, told apart from every other that has its number later. */
export interface ProcessIdentity {
  /** The machine: another one's processes cannot be looked for. */
  readonly machine: string;
  /** The machine's boot: nothing lives through the next one. */
  readonly boot: string;
  /** The process id. */
  readonly pid: number;
  /** When it started, as the system tells; "" where it does not. */
  readonly start: string;
  /** Which of its threads, unless it is the first. */
  readonly thread?: ThreadIdentity;
}

/** One thread of a process, told apart as processes are. */
export interface ThreadIdentity {
  /** The system's number for it. */
  readonly id: number;
  /** When it started, as the system tells. */
  readonly start: string;
}

/** Tells the living from the dead. */
export interface Owners {
  /** This process. */
  readonly self: ProcessIdentity;
  /**
   * Whether it is proved that `other` lives no more: false where that cannot
   * be told, such as on another machine.
   */
  isDead(other: ProcessIdentity): boolean;
}

/** An identity as one line of text without a line feed. */
export function formatIdentity(identity: ProcessIdentity): string {
  const { machine, boot, pid, start, thread } = identity;
  const parts = thread === undefined ? [] : [thread.id, thread.start];
  return JSON.stringify([machine, boot, pid, start, ...parts]);
}

/** What {@linkcode formatIdentity} wrote; `undefined` for anything else. */
export function parseIdentity(text: string): ProcessIdentity | undefined {
  let parts: unknown;
  try {
    parts = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(parts)) return undefined;
  if (parts.length !== 4 && parts.length !== 6) return undefined;
  const [machine, boot, pid, start, id, threadStart] = parts as unknown[];
  if (typeof machine !== "string" || typeof boot !== "string") return undefined;
  if (typeof start !== "string" || !Number.isSafeInteger(pid)) return undefined;
  if (machine === "" || boot === "" || (pid as number) <= 0) return undefined;
  const identity = { machine, boot, pid: pid as number, start };
  if (parts.length === 4) return identity;
  if (!Number.isSafeInteger(id) || (id as number) <= 0) return undefined;
  if (typeof threadStart !== "string") return undefined;
  return { ...identity, thread: { id: id as number, start: threadStart } };
}
