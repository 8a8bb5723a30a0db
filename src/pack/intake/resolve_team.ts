/**
 * Several threads at the families of one pack: what they share, and a helper's
 * side of it. Each takes the next few whole objects and resolves what is based
 * on them; columns and counters lie in shared memory.
 *
 * @module
 */

import type { Kernels, MadeObjects } from "../../kernels/types.ts";
import type { Kind } from "../../object/kind.ts";
import { encodeObjectHeader } from "../../object/raw.ts";
import type { PackEntries } from "./entries.ts";
import type { FamilyLinks } from "./family_program.ts";
import { FamilyRunner } from "./family_runner.ts";
import type { StoredPack } from "./ports.ts";
import { isDelta } from "./resolve_plan.ts";

/** What a thread takes at a time. */
const ROOTS_AT_ONCE = 8;
/** Families of so many deltas come first, so that no thread ends with one. */
const LARGE_FAMILY = 512;

// Places in `control`: the next root, and why all are to stop.
const NEXT = 0;
const STOP = 1;
const STOPPED = 1;
const TOO_DEEP = 2;

/** What all threads share; can be cloned, and is not copied by that. */
export interface TeamState {
  /** The entries; get ids and kinds. */
  readonly entries: PackEntries;
  /** Which deltas are based on which. */
  readonly links: FamilyLinks;
  /** By rank: 1 for deltas that were resolved. */
  readonly done: Uint8Array;
  /** Whole objects that deltas are based on, in the order they are taken in. */
  readonly roots: Int32Array;
  /** Counters of all: see above. */
  readonly control: Int32Array;
  /** By thread: bytes that were made, deltas that were resolved. */
  readonly bytes: Float64Array;
  readonly counts: Int32Array;
  /** By thread: 1 once it takes part. */
  readonly joined: Int32Array;
  /** Larger objects are left out. */
  readonly maxObjectBytes: number;
  /** What all threads may make; all stop beyond it. */
  readonly maxBytes: number;
  /** The longest chain; all stop beyond it. */
  readonly maxDepth: number;
}

/** Bounds of what a team makes; Infinity is none. */
export type TeamBounds = Pick<
  TeamState,
  "maxObjectBytes" | "maxBytes" | "maxDepth"
>;

/** Makes what `threads` threads share. */
export function teamState(
  entries: PackEntries,
  links: FamilyLinks,
  done: Uint8Array,
  threads: number,
  bounds: TeamBounds,
): TeamState {
  const { firsts, nexts, weights } = links;
  return {
    entries,
    links: { firsts, nexts, weights },
    done,
    roots: rootsOf(entries, links),
    control: new Int32Array(new SharedArrayBuffer(8)),
    bytes: new Float64Array(new SharedArrayBuffer(threads * 8)),
    counts: new Int32Array(new SharedArrayBuffer(threads * 4)),
    joined: new Int32Array(new SharedArrayBuffer(threads * 4)),
    ...bounds,
  };
}

/** Large families first, then in the order of the pack. */
function rootsOf(
  { count, types }: PackEntries,
  { firsts, weights }: FamilyLinks,
): Int32Array {
  const isRoot = (rank: number): boolean =>
    firsts[rank] !== 0 && !isDelta(types[rank] as number);
  const isLarge = (rank: number): boolean =>
    (weights[rank] as number) >= LARGE_FAMILY;
  let roots = 0;
  for (let rank = 0; rank < count; rank++) if (isRoot(rank)) roots++;
  const list = new Int32Array(new SharedArrayBuffer(roots * 4));
  let at = 0;
  for (const large of [true, false]) {
    for (let rank = 0; rank < count; rank++) {
      if (isRoot(rank) && isLarge(rank) === large) list[at++] = rank;
    }
  }
  return list;
}

/** Has every thread stop soon. */
export function stopTeam({ control }: TeamState): void {
  Atomics.compareExchange(control, STOP, 0, STOPPED);
}

/** Whether every thread is to stop. */
export function isStopped({ control }: TeamState): boolean {
  return Atomics.load(control, STOP) !== 0;
}

/** Whether a thread takes part. */
export function hasJoined({ joined }: TeamState, thread: number): boolean {
  return Atomics.load(joined, thread) === 1;
}

/** Whether a chain was found that is too long. */
export function isTooDeep({ control }: TeamState): boolean {
  return Atomics.load(control, STOP) === TOO_DEEP;
}

/** Bytes that were made so far. */
export function teamBytes({ bytes }: TeamState): number {
  return bytes.reduce((sum, some) => sum + some, 0);
}

/** Deltas that were resolved so far. */
export function teamCount({ counts }: TeamState): number {
  let sum = 0;
  for (let i = 0; i < counts.length; i++) sum += Atomics.load(counts, i);
  return sum;
}

/** One thread of a team. */
export interface TeamMember {
  /** Its place among the threads. */
  readonly thread: number;
  /** Its own kernels; they have a `familyMaker`. */
  readonly kernels: Kernels;
  /** The pack as it reads it. */
  readonly pack: Pick<StoredPack, "readAt">;
  /** Gets every object it makes; the id stands in `entries`. */
  readonly take?: (rank: number, kind: Kind, data: Uint8Array) => void;
}

/**
 * Has a thread take part: each call of what it returns makes a few megabytes,
 * and gives false once nothing is left. What the kernel leaves out is left
 * unresolved, and so is everything that was made to collide.
 */
export function joinTeam(state: TeamState, member: TeamMember): () => boolean {
  const { entries, done, roots, control, bytes, counts } = state;
  const { ids, kinds, types, format } = entries;
  const { thread, kernels, pack, take } = member;
  Atomics.store(state.joined, thread, 1);
  const maker = kernels.familyMaker?.();
  if (maker === undefined) return () => false;
  const hasIds = !kinds.some((kind, rank) =>
    kind === 0 && isDelta(types[rank] as number)
  );
  const mode = format.name === "sha1" && !hasIds ? "hash" : "make";
  let next = 0;
  let end = 0;
  const runner = new FamilyRunner({
    ...{ entries, pack, maker, mode },
    links: state.links,
    maxObjectBytes: state.maxObjectBytes,
    nextRoot(): number {
      if (next === end) {
        next = Atomics.add(control, NEXT, ROOTS_AT_ONCE);
        end = Math.min(next + ROOTS_AT_ONCE, roots.length);
        if (next >= roots.length) next = end = roots.length;
      }
      return next < end && !isStopped(state) ? roots[next++] as number : -1;
    },
    takesDepth(depth): boolean {
      if (depth <= state.maxDepth) return true;
      Atomics.store(control, STOP, TOO_DEEP);
      return false;
    },
    deliver(made: MadeObjects, at, rank, kind): void {
      const position = rank * format.rawLength;
      if (mode === "hash") {
        made.copyId(at, ids, position);
      } else if (kinds[rank] === 0) {
        const data = made.contentOf(at);
        const hash = kernels.objectHash(format);
        hash.update(encodeObjectHeader(kind, data.length));
        hash.update(data);
        ids.set(hash.digest(), position);
      }
      kinds[rank] = kind;
      done[rank] = 1;
      (bytes[thread] as number) += made.sizeOf(at);
      (counts[thread] as number)++;
      take?.(rank, kind, made.contentOf(at));
    },
  });
  return () => {
    if (isStopped(state) || !runner.step()) return false;
    if (teamBytes(state) > state.maxBytes) stopTeam(state);
    return true;
  };
}
