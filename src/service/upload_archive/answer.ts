/**
 * Makes the archive that a client has ordered and streams it: archive.c,
 * write_archive.
 *
 * @module
 */

import type { ArchiveOrder } from "../../archive/arguments.ts";
import type { DeflateLevel } from "../../archive/deflate.ts";
import {
  type ArchiveEntry,
  type ArchiveHead,
  type ArchiveWriter,
  NO_BYTES,
} from "../../archive/entry.ts";
import { parseMtime } from "../../archive/mtime.ts";
import { Pathspec } from "../../archive/pathspec.ts";
import { TAR_UMASK, TarWriter } from "../../archive/tar.ts";
import type { TreeWalkInit } from "../../archive/tree_walk.ts";
import { findTreeish, type FoundTree } from "../../archive/treeish.ts";
import { chooseEntries, hasMatch } from "../../archive/walk.ts";
import { ZipWriter } from "../../archive/zip.ts";
import { assertNever, RefusedError } from "../../core/errors.ts";
import { MODE_TREE } from "../../object/tree.ts";
import type { Snapshot } from "../../storage/types.ts";
import type { Conversation } from "../conversation.ts";
import { shownRefs } from "../shown_refs.ts";
import { attributesOf, infoAttributes } from "./attributes.ts";
import { Contents } from "./contents.ts";
import { gzipSink } from "./gzip.ts";
import { ArchiveObjects } from "./objects.ts";
import { type ArchiveSink, BandSink } from "./sink.ts";
import { report, tell } from "./tell.ts";

/** `tar.umask=user` means the umask of the process: that of most. */
const USER_UMASK = 0o022;

/** Sends the archive. The peer has been told nothing of what this throws. */
export async function answerArchive(
  conversation: Conversation,
  order: ArchiveOrder,
): Promise<void> {
  using snapshot = await conversation.context.repository.snapshot();
  await new Archiver(conversation, order, snapshot).run();
}

class Archiver {
  readonly #conversation: Conversation;
  readonly #order: ArchiveOrder;
  readonly #snapshot: Snapshot;
  readonly #objects: ArchiveObjects;

  constructor(
    conversation: Conversation,
    order: ArchiveOrder,
    snapshot: Snapshot,
  ) {
    this.#conversation = conversation;
    this.#order = order;
    this.#snapshot = snapshot;
    this.#objects = new ArchiveObjects(
      snapshot,
      shownRefs(conversation.context, snapshot.refs),
      (line) => this.#say(line),
    );
  }

  async run(): Promise<void> {
    const { repository } = this.#conversation.context;
    const { config } = repository;
    const order = this.#order;
    const anything = config.boolean("uploadarchive.allowunreachable") === true;
    const found = findTreeish(
      order.treeish,
      anything ? "objects" : "refs",
      this.#objects,
    );
    const walk = await this.#chosenPaths(found);
    const head = this.#head(found);
    const writer = this.#writer(head);
    const bands = new BandSink(this.#conversation.writer);
    const sink = order.container === "tgz"
      ? gzipSink(bands, order.level)
      : bands;
    try {
      await this.#pour(writer.start(), sink);
      await this.#addAll(found, walk, writer, sink);
      await this.#pour(writer.finish(), sink);
      await sink.end();
    } finally {
      sink.abandon();
    }
  }

  /** What is to be walked, once every path is known to be there. */
  async #chosenPaths({ tree: root }: FoundTree): Promise<TreeWalkInit> {
    const { repository } = this.#conversation.context;
    const { paths, usesWorktreeAttributes } = this.#order;
    // As git has it, once it is in there.
    const place = `${repository.address?.gitDir ?? ""}/.`;
    const info = infoAttributes(repository);
    const common = {
      info,
      source: this.#objects,
      warn: (line: string) => this.#say(line),
    };
    const pathspec = Pathspec.parse(paths, place);
    for (const path of paths) {
      const alone = Pathspec.parse([path], place);
      const isThere = await this.#conversation.pacer.drive(hasMatch({
        root,
        source: this.#objects,
        pathspec: alone,
        // archive.c has read no tree yet when it asks.
        attributes: attributesOf({ ...common, pathspec: alone }, "info"),
      }));
      if (isThere) continue;
      throw new RefusedError(
        "no-match",
        `pathspec '${path}' did not match any files`,
      );
    }
    return {
      root,
      source: this.#objects,
      pathspec,
      attributes: attributesOf(
        { ...common, pathspec },
        usesWorktreeAttributes ? "info" : "tree",
      ),
    };
  }

  #head({ commit }: FoundTree): ArchiveHead {
    const { clock } = this.#conversation.context;
    const now = Math.floor(clock.now() / 1000);
    const { mtime } = this.#order;
    const asked = mtime === undefined ? undefined : parseMtime(mtime, now);
    if (mtime !== undefined && asked === undefined) {
      throw new RefusedError(
        "bad-mtime",
        `cannot read the time '${mtime}': give seconds since 1970, or a ` +
          "date and a time as ISO 8601 has them",
      );
    }
    if (commit === undefined) return { time: asked ?? now };
    return { commit, time: asked ?? this.#objects.commitTime(commit) };
  }

  #writer(head: ArchiveHead): ArchiveWriter {
    const { kernels, repository } = this.#conversation.context;
    const { container, level } = this.#order;
    switch (container) {
      case "tar":
      case "tgz": {
        const umask = repository.config.get("tar.umask") === "user"
          ? USER_UMASK
          : repository.config.integer("tar.umask") ?? TAR_UMASK;
        return new TarWriter({ ...head, umask });
      }
      case "zip":
        return new ZipWriter({
          ...head,
          kernels,
          level: level as DeflateLevel | -1,
          warn: (line) => this.#say(`warning: ${line}`),
        });
      default:
        return assertNever(container);
    }
  }

  async #addAll(
    { tree, commit }: FoundTree,
    walk: TreeWalkInit,
    writer: ArchiveWriter,
    sink: ArchiveSink,
  ): Promise<void> {
    const { prefix } = this.#order;
    if (prefix.endsWith("/")) {
      const path = withOneSlash(prefix);
      this.#announce(path);
      const entry: ArchiveEntry = {
        path,
        mode: MODE_TREE | 0o777,
        oid: tree,
        data: NO_BYTES,
        isStreamed: false,
      };
      await this.#pour(writer.add(entry), sink);
    }
    const contents = new Contents(this.#conversation, {
      objects: this.#objects,
      store: this.#snapshot.objects,
      commit,
      say: (line) => this.#say(line),
    });
    for (const chosen of chooseEntries(walk)) {
      if (chosen !== undefined) {
        const path = `${prefix}${chosen.path}`;
        this.#announce(path);
        const { mode, oid } = chosen;
        const content = await contents.of(chosen);
        await this.#pour(writer.add({ path, mode, oid, ...content }), sink);
      }
      await this.#rest();
    }
  }

  #announce(path: string): void {
    if (!this.#order.isVerbose) return;
    tell(this.#conversation.writer, 2, `${path}\n`);
  }

  async #pour(
    chunks: Iterable<Uint8Array>,
    sink: ArchiveSink,
  ): Promise<void> {
    for (const chunk of chunks) {
      const full = chunk.length > 0 ? sink.put(chunk) : undefined;
      if (full !== undefined) await full;
      await this.#rest();
    }
  }

  /** Gives others their turn, and says what there is to say. */
  async #rest(): Promise<void> {
    const { pacer, writer } = this.#conversation;
    await writer.relieve();
    if (pacer.due) await pacer.turn();
  }

  #say(line: string): void {
    tell(this.#conversation.writer, 2, report(line));
  }
}

/** A prefix with one slash at its end, and with what it starts with. */
function withOneSlash(prefix: string): string {
  let end = prefix.length;
  while (end > 1 && prefix[end - 1] === "/") end--;
  return end === prefix.length ? prefix : `${prefix.slice(0, end)}/`;
}
