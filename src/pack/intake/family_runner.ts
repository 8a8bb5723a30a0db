/**
 * Resolves families with a kernel that makes many objects per call: gathers
 * batches of entries, reads their bytes where they lie side by side, and takes
 * what was made. What the kernel leaves out stays unresolved.
 *
 * @module
 */

import type {
  FamilyMaker,
  FamilyNode,
  MadeObjects,
} from "../../kernels/types.ts";
import type { Kind } from "../../object/kind.ts";
import type { PackEntries } from "./entries.ts";
import { type FamilyLinks, FamilyProgram } from "./family_program.ts";
import type { StoredPack } from "./ports.ts";

/** Entries that lie so near to each other are read at once. */
const READ_GAP = 2048;

/** What a runner works for. */
export interface FamilyWork {
  /** The entries; gets ids and kinds. */
  readonly entries: PackEntries;
  /** Which deltas are based on which. */
  readonly links: FamilyLinks;
  /** The pack. */
  readonly pack: Pick<StoredPack, "readAt">;
  /** The kernel. */
  readonly maker: FamilyMaker;
  /** Larger objects are left out. */
  readonly maxObjectBytes: number;
  /** The next whole object whose deltas are to be resolved; -1: none. */
  readonly nextRoot: () => number;
  /** Whether a chain may have so many deltas; if not, all ends. */
  readonly takesDepth: (depth: number) => boolean;
  /** Whether ids are made by the kernel. */
  readonly mode: "hash" | "make";
  /** Gets each object that was made; its id stands in the mode "hash" alone. */
  readonly deliver: (
    made: MadeObjects,
    at: number,
    rank: number,
    kind: Kind,
  ) => void;
}

/** Runs families in steps. */
export class FamilyRunner {
  readonly #work: FamilyWork;
  readonly #program: FamilyProgram;
  /** Of each node of the batch, and their kinds. */
  readonly #ranks: Int32Array;
  readonly #kinds: Uint8Array;
  readonly #order: Float64Array;
  readonly #node: FamilyNode = {
    size: 0,
    base: 0,
    level: 0,
    after: 0,
    kind: 0,
  };
  /** A step of the program that did not fit into the last batch. */
  #isWaiting = false;
  #kind: Kind = 1;
  #hasEnded = false;

  /** Nothing is made yet. */
  constructor(work: FamilyWork) {
    this.#work = work;
    this.#program = new FamilyProgram(work.links, work.nextRoot);
    this.#ranks = new Int32Array(work.maker.maxNodes);
    this.#kinds = new Uint8Array(work.maker.maxNodes);
    this.#order = new Float64Array(work.maker.maxNodes);
  }

  /** Makes a few megabytes; false once everything is made. */
  step(): boolean {
    const { maker, mode, maxObjectBytes, deliver } = this.#work;
    const take = (made: MadeObjects): void => {
      if (made.isAttacked) return;
      for (let at = 0; at < made.count; at++) {
        if (made.sizeOf(at) < 0) continue;
        const node = made.nodeOf(at);
        const kind = this.#kinds[node] as Kind;
        deliver(made, at, this.#ranks[node] as number, kind);
      }
    };
    if (maker.run(mode, maxObjectBytes, take)) return true;
    if (this.#hasEnded) return false;
    this.#fill();
    return true;
  }

  /** Gathers a batch and reads its bytes. */
  #fill(): void {
    const { entries: { offsets, kinds, sizes }, maker, takesDepth } =
      this.#work;
    const { step } = this.#program;
    const node = this.#node;
    const room = maker.input.length;
    let bytes = 0;
    let count = 0;
    while (count < maker.maxNodes) {
      if (!this.#isWaiting && !this.#program.next()) {
        this.#hasEnded = true;
        break;
      }
      this.#isWaiting = false;
      const { rank } = step;
      const length = (offsets[rank + 1] as number) - (offsets[rank] as number);
      const isFitting = length <= room && (sizes[rank] as number) < 2 ** 32;
      if (isFitting && bytes + length > room) {
        this.#isWaiting = true;
        break;
      }
      if (!takesDepth(step.depth)) {
        this.#hasEnded = true;
        break;
      }
      if (step.base === 0) this.#kind = kinds[rank] as Kind;
      node.size = isFitting ? sizes[rank] as number : 0;
      node.base = step.base;
      node.level = step.level;
      node.after = step.after;
      node.kind = this.#kind;
      maker.setNode(count, node);
      this.#ranks[count] = rank;
      this.#kinds[count] = this.#kind;
      // Ranks in ascending order, each with its place in the batch.
      if (isFitting) {
        this.#order[count] = rank * 2 ** 14 + count;
        bytes += length;
      } else {
        this.#order[count] = Infinity;
      }
      count++;
    }
    this.#read(count, room - bytes);
    maker.begin(count);
  }

  /** Reads the entries of a batch; `spare` bytes may lie between them. */
  #read(count: number, spare: number): void {
    const { entries: { offsets, heads }, maker, pack } = this.#work;
    const order = this.#order.subarray(0, count).sort();
    let to = 0;
    for (let i = 0; i < count;) {
      const first = order[i] as number;
      if (first === Infinity) return;
      const start = offsets[Math.floor(first / 2 ** 14)] as number;
      let end = start;
      let next = i;
      for (; next < count && order[next] !== Infinity; next++) {
        const rank = Math.floor(order[next] as number / 2 ** 14);
        const gap = (offsets[rank] as number) - end;
        if (gap > 0 && (gap > READ_GAP || gap > spare)) break;
        if (gap > 0) spare -= gap;
        end = offsets[rank + 1] as number;
      }
      const into = maker.input.subarray(to, to + (end - start));
      const isWhole = pack.readAt(into, start) === into.length;
      for (; i < next; i++) {
        const index = (order[i] as number) % 2 ** 14;
        const rank = Math.floor(order[i] as number / 2 ** 14);
        if (!isWhole) continue;
        maker.place(
          index,
          to + (offsets[rank] as number) - start + (heads[rank] as number),
          to + (offsets[rank + 1] as number) - start,
        );
      }
      to += end - start;
    }
  }
}
