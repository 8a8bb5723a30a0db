/**
 * Answers that are the same for everyone who asks the same of one snapshot,
 * such as a listing of refs: made once, piece by piece as the first client
 * takes them, and kept for the next within a budget of bytes.
 *
 * @module
 */

import type {
  ObjectStore,
  RefSnapshot,
  Repository,
  Snapshot,
} from "../storage/types.ts";
import type { Conversation } from "./conversation.ts";
import { storedRefs } from "./namespaces.ts";

/** What an answer is made with. */
export interface Desk {
  /** The objects. Not to be kept: the session that asks may be another. */
  readonly objects: ObjectStore;
  /** Made false where the answer holds for this moment alone. */
  isLasting: boolean;
}

/**
 * Makes an answer: yields its next bytes, which nobody changes afterwards, or
 * `undefined` to let others have their turn. Of equal snapshots it must give
 * the same pieces.
 */
export type AnswerSource = (
  desk: Desk,
) => Generator<Uint8Array | undefined, void, void>;

/** What an answer costs beside its bytes. */
const OVERHEAD_BYTES = 1024;
/** Longer questions are answered each by itself. */
const MAX_KEY_LENGTH = 16 * 1024;

/** An answer that several sessions take, at different places. */
class SharedAnswer {
  /** All bytes that are kept, and a share of what keeping costs. */
  bytes: number;
  state: "growing" | "whole" | "dropped" = "growing";
  /** How many pieces there are. */
  count = 0;
  readonly key: string;
  readonly shelf: Shelf;
  readonly #desk: Desk;
  #steps: ReturnType<AnswerSource> | undefined;
  #pieces: Uint8Array[] = [];

  constructor(key: string, shelf: Shelf, source: AnswerSource) {
    this.key = key;
    this.shelf = shelf;
    this.bytes = OVERHEAD_BYTES + key.length * 2;
    this.#desk = {
      get objects() {
        // The session that takes the step holds them.
        return shelf.objects.deref() as ObjectStore;
      },
      isLasting: true,
    };
    this.#steps = source(this.#desk);
  }

  get isLasting(): boolean {
    return this.#desk.isLasting;
  }

  piece(index: number): Uint8Array | undefined {
    return this.#pieces[index];
  }

  /** Makes a little more. */
  step(): void {
    const { value, done } = this.#steps?.next() ?? { value: undefined };
    if (done === true) {
      this.state = "whole";
      this.#steps = undefined;
    } else if (value !== undefined) {
      this.#pieces.push(value);
      this.bytes += value.length;
      this.count++;
    }
  }

  /** Forgets the pieces: who still takes them makes the rest alone. */
  drop(): void {
    this.state = "dropped";
    this.bytes = OVERHEAD_BYTES + this.key.length * 2;
    this.#pieces = [];
    this.#steps?.return();
    this.#steps = undefined;
  }
}

/** The answers of one repository as it is now. */
interface Shelf {
  // Weak: what is kept for a next time must keep no old store open.
  readonly refs: WeakRef<RefSnapshot>;
  readonly objects: WeakRef<ObjectStore>;
  readonly answers: Map<string, SharedAnswer>;
}

/** Keeps answers for all repositories of a server, the recent ones. */
export class AnswerCache {
  readonly #maxBytes: number;
  readonly #shelves = new WeakMap<Repository, Shelf>();
  /** The least recently used in front. */
  readonly #recent = new Set<SharedAnswer>();
  #bytes = 0;

  /** Keeps at most so many bytes. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes that are kept now. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * The answer to `key` on the refs and objects of `snapshot`; `undefined`
   * where it is not to be shared.
   */
  find(
    repository: Repository,
    snapshot: Pick<Snapshot, "objects" | "refs">,
    key: string,
    source: AnswerSource,
  ): SharedAnswer | undefined {
    if (key.length > MAX_KEY_LENGTH || this.#maxBytes === 0) return undefined;
    const shelf = this.#shelf(repository, snapshot);
    let answer = shelf.answers.get(key);
    if (answer === undefined) {
      answer = new SharedAnswer(key, shelf, source);
      shelf.answers.set(key, answer);
      this.#bytes += answer.bytes;
    }
    this.#recent.delete(answer);
    this.#recent.add(answer);
    this.#makeRoom(answer);
    return answer;
  }

  /** Makes a little more of an answer, whose objects the caller holds. */
  step(answer: SharedAnswer): void {
    const before = answer.bytes;
    try {
      answer.step();
    } catch (error) {
      this.#remove(answer);
      throw error;
    }
    // What is not to be kept stays as a mark of that.
    const isKept = answer.isLasting &&
      answer.bytes <= this.#maxBytes;
    if (!isKept) answer.drop();
    this.#bytes += answer.bytes - before;
    this.#makeRoom(answer);
  }

  #shelf(
    repository: Repository,
    snapshot: Pick<Snapshot, "objects" | "refs">,
  ): Shelf {
    const { refs, objects } = snapshot;
    const old = this.#shelves.get(repository);
    if (
      old !== undefined && old.refs.deref() === refs &&
      old.objects.deref() === objects
    ) return old;
    for (const answer of old?.answers.values() ?? []) this.#remove(answer);
    const shelf: Shelf = {
      refs: new WeakRef(refs),
      objects: new WeakRef(objects),
      answers: new Map(),
    };
    this.#shelves.set(repository, shelf);
    return shelf;
  }

  #makeRoom(wanted: SharedAnswer): void {
    for (const answer of this.#recent) {
      if (this.#bytes <= this.#maxBytes) return;
      if (answer !== wanted) this.#remove(answer);
    }
  }

  #remove(answer: SharedAnswer): void {
    if (this.#recent.delete(answer)) this.#bytes -= answer.bytes;
    answer.shelf.answers.delete(answer.key);
    answer.drop();
  }
}

/**
 * Sends the answer to `key`, which says all that it depends on besides the
 * snapshot and the namespace: shared where the context has a cache, else made
 * for this session. With `opening` the answer's first piece, which is not its
 * last, is what that makes of it, for this session alone.
 */
export async function sendAnswer(
  { context, stored, writer, pacer }: Conversation,
  snapshot: Snapshot,
  key: string,
  source: AnswerSource,
  opening?: (piece: Uint8Array) => Uint8Array,
): Promise<void> {
  const { answers, terms } = context;
  const { objects } = snapshot;
  // Views of a namespace are made anew: what they show stays.
  const shared = answers?.find(
    stored,
    { objects, refs: storedRefs(snapshot.refs) },
    terms.namespace + key,
    source,
  );
  let sent = 0;
  const send = (piece: Uint8Array): Promise<void> | undefined => {
    const index = sent++;
    if (opening === undefined || index > 1) return writer.sendRaw(piece);
    writer.putRaw(index === 0 ? opening(piece) : piece);
    // The first two go out in one write.
    return index === 0 ? undefined : writer.send();
  };
  while (answers !== undefined && shared !== undefined) {
    const piece = shared.piece(sent);
    if (piece !== undefined) {
      await send(piece);
      continue;
    }
    if (shared.state === "whole") return;
    if (shared.state === "dropped") break;
    answers.step(shared);
    if (pacer.due) await pacer.turn();
  }
  const desk: Desk = { objects, isLasting: true };
  let made = 0;
  for (const piece of source(desk)) {
    if (piece !== undefined && made++ >= sent) await send(piece);
    if (pacer.due) await pacer.turn();
  }
}
