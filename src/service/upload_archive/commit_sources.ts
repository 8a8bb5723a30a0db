/**
 * What the expansion of formats asks of a snapshot: short ids, the names of a
 * commit, mailmaps, descriptions.
 *
 * @module
 */

import { decorate, type NamedRef } from "../../archive/decorate.ts";
import {
  describeCommit,
  type DescribeSource,
  readTagFacts,
} from "../../archive/describe.ts";
import type {
  Decorations,
  DescribeOptions,
  FormatSources,
} from "../../archive/format_sources.ts";
import { resolveExpression } from "../../archive/treeish.ts";
import { toBinary } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import type { ObjectFormat, Oid } from "../../core/oid.ts";
import { BLOB, COMMIT, TAG } from "../../object/kind.ts";
import type { ObjectStore, RefRecord } from "../../storage/types.ts";
import type { Conversation } from "../conversation.ts";
import type { ArchiveObjects } from "./objects.ts";

/** Larger mailmaps are as if there were none. */
const MAX_MAILMAP_BYTES = 16 * 1024 * 1024;
const MIN_ABBREVIATION = 4;
const USUAL_ABBREVIATION = 7;
const TAGS = "refs/tags/";

/** What a {@linkcode CommitSources} is made from. */
export interface CommitSourcesInit {
  readonly oid: Oid;
  readonly objects: ArchiveObjects;
  readonly store: ObjectStore;
  readonly warn: (line: string) => void;
}

/** The surroundings of one commit. */
export class CommitSources implements FormatSources {
  readonly oid: Oid;
  readonly data: Uint8Array;
  readonly format: ObjectFormat;
  readonly warn: (line: string) => void;
  readonly #conversation: Conversation;
  readonly #objects: ArchiveObjects;
  readonly #store: ObjectStore;

  /** Reads the commit. Throws a StorageError where that fails. */
  constructor(conversation: Conversation, init: CommitSourcesInit) {
    const { oid, objects, store } = init;
    this.oid = oid;
    this.#conversation = conversation;
    this.#objects = objects;
    this.#store = store;
    this.format = objects.format;
    this.data = this.#store.read(this.#store.intern(oid)).data;
    this.warn = init.warn;
  }

  abbreviate(oid: Oid, fewest?: number): Promise<string> {
    const least = fewest ?? this.#usualLength();
    const { hexLength } = this.format;
    if (least === 0 || least >= hexLength) return Promise.resolve(oid);
    const length = Math.max(least, MIN_ABBREVIATION);
    let needed = length;
    for (const other of this.#objects.startingWith(oid.slice(0, length))) {
      if (other === oid) continue;
      let same = length;
      while (other[same] === oid[same]) same++;
      needed = Math.max(needed, same + 1);
    }
    return Promise.resolve(oid.slice(0, needed));
  }

  async decorations(): Promise<Decorations> {
    const { refs } = this.#objects;
    const named: NamedRef[] = [];
    for (const record of refs.list("refs/")) {
      await this.rest();
      named.push({ ...record, peeled: this.#peeled(record) });
    }
    const head = { oid: refs.head?.oid, target: refs.head?.target };
    return decorate(this.oid, named, head);
  }

  mailmap(): Promise<string> {
    const { config } = this.#conversation.context.repository;
    const isBare = config.boolean("core.bare") !== false;
    const name = config.get("mailmap.blob") ??
      (isBare ? "HEAD:.mailmap" : undefined);
    return Promise.resolve(name === undefined ? "" : this.#blob(name));
  }

  describe(options: DescribeOptions): Promise<string> {
    const source: DescribeSource = {
      tags: async () => {
        const tags = [];
        for (const record of this.#objects.refs.list(TAGS)) {
          await this.rest();
          const { name, oid } = record;
          const peeled = this.#peeled(record) ?? oid;
          tags.push({ name: name.slice(TAGS.length), oid, peeled });
        }
        return tags;
      },
      tag: async (oid) => {
        await this.rest();
        return this.#attempt(
          oid,
          TAG,
          (number) => readTagFacts(this.#store.read(number).data, this.format),
        );
      },
      commit: async (oid) => {
        await this.rest();
        const store = this.#store;
        return this.#attempt(oid, COMMIT, (number) => {
          const parents: Oid[] = [];
          for (let i = 0; i < store.parentCount(number); i++) {
            parents.push(store.oid(store.parent(number, i)));
          }
          return { parents, time: store.commitTime(number) };
        });
      },
      abbreviate: (oid, fewest) => this.abbreviate(oid, fewest),
    };
    return describeCommit(this.oid, options, source);
  }

  now(): number {
    return Math.floor(this.#conversation.context.clock.now() / 1000);
  }

  zone(seconds: number): number {
    return -new Date(seconds * 1000).getTimezoneOffset();
  }

  rest(): Promise<void> | undefined {
    const { pacer } = this.#conversation;
    return pacer.due ? pacer.turn() : undefined;
  }

  /** What tags lead to from a ref; `undefined` where there is no tag. */
  #peeled({ oid, peeled }: RefRecord): Oid | undefined {
    if (peeled !== undefined) return peeled ?? undefined;
    let at = oid;
    for (;;) {
      const target = this.#attempt(
        at,
        TAG,
        (number) => this.#store.oid(this.#store.tagTarget(number)),
      );
      if (target === undefined) return at === oid ? undefined : at;
      at = target;
    }
  }

  /** What `read` gives for an object that is of a kind and can be read. */
  #attempt<T>(
    oid: Oid,
    kind: typeof COMMIT | typeof TAG,
    read: (number: number) => T,
  ): T | undefined {
    try {
      const number = this.#store.find(oid);
      if (number < 0 || this.#store.kind(number) !== kind) return undefined;
      return read(number);
    } catch (error) {
      if (error instanceof StorageError) return undefined;
      throw error;
    }
  }

  #blob(name: string): string {
    try {
      const oid = resolveExpression(name, this.#objects);
      const number = oid === undefined ? -1 : this.#store.find(oid);
      if (number < 0 || this.#store.kind(number) !== BLOB) return "";
      return toBinary(this.#store.read(number, MAX_MAILMAP_BYTES).data);
    } catch (error) {
      if (error instanceof StorageError) return "";
      throw error;
    }
  }

  /** object-name.c: repo_find_unique_abbrev_r, for `core.abbrev`. */
  #usualLength(): number {
    const { config } = this.#conversation.context.repository;
    const value = config.get("core.abbrev");
    if (value === undefined || /^auto$/i.test(value)) {
      // Half the bits that number the objects: few ids are that near.
      const bits = Math.ceil(Math.log2(this.#store.count + 1));
      return Math.max(USUAL_ABBREVIATION, Math.ceil(bits / 2));
    }
    if (/^(?:no|off|false)$/i.test(value)) return this.format.hexLength;
    return config.integer("core.abbrev") ?? USUAL_ABBREVIATION;
  }
}
