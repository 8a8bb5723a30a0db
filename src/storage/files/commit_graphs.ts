/**
 * Where commit-graph files lie in a repository and in those it borrows from,
 * and when git would not use them. What was read before a file was replaced
 * may be used on: commits do not change, so an old graph knows less, and
 * nothing that is wrong.
 *
 * commit-graph.c: prepare_commit_graph, load_commit_graph_chain,
 * commit_graph_compatible. Replace refs do not count: upload-pack ignores
 * them.
 *
 * @see https://git-scm.com/docs/gitformat-commit-graph
 * @module
 */

import { printable, toBinary } from "../../core/bytes.ts";
import { messageOf, StorageError } from "../../core/errors.ts";
import type { FileSystem } from "../../core/host.ts";
import { type ObjectFormat, parseOid } from "../../core/oid.ts";
import type { CommitGraphStore, StoredCommitGraph } from "../ports.ts";
import type { ConfigView } from "../types.ts";
import type { Complaints } from "./complaints.ts";
import { joinPath } from "./paths.ts";

/** A layer's header counts the layers below it in one byte. */
const MAX_LAYERS = 256;
const MAX_CHAIN_BYTES = 64 * 1024;

/** What a {@linkcode FileCommitGraphStore} is made from. */
export interface FileCommitGraphStoreInit {
  /** Where to read. */
  readonly fileSystem: FileSystem;
  /** The object directories now, the own one first. */
  readonly directories: () => readonly string[];
  /** Where `shallow` and `info/grafts` are. */
  readonly commonDir: string;
  /** For `core.commitGraph`. */
  readonly config: ConfigView;
  /** The format of object names. */
  readonly format: ObjectFormat;
  /** Where strange files are told. */
  readonly complaints: Complaints;
}

/** The commit-graphs of one repository. */
export class FileCommitGraphStore implements CommitGraphStore {
  readonly #init: FileCommitGraphStoreInit;

  /** Reads nothing yet. */
  constructor(init: FileCommitGraphStoreInit) {
    this.#init = init;
  }

  /** Throws StorageError "bad-config" where `core.commitGraph` is none. */
  scan(): ReturnType<CommitGraphStore["scan"]> {
    const { directories } = this.#init;
    if (!this.#isUsable()) return NONE;
    const all = directories();
    const stamp = all.flatMap((each) => [
      this.#stampOf(singleIn(each)),
      this.#stampOf(chainIn(each)),
    ]).join("");
    return {
      stamp,
      chains: () =>
        all.flatMap((each) => [
          [this.#stored(singleIn(each))],
          this.#layers(chainIn(each), all),
        ]),
    };
  }

  #isUsable(): boolean {
    const { commonDir, config } = this.#init;
    return (config.boolean("core.commitgraph") ?? true) &&
      // An empty `shallow` makes a repository shallow too.
      this.#stat(joinPath(commonDir, "shallow")) === undefined &&
      (this.#stat(joinPath(commonDir, "info/grafts"))?.size ?? 0) === 0;
  }

  #stampOf(path: string): string {
    const stat = this.#stat(path);
    return stat === undefined
      ? ""
      : `${path}:${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeMs}\n`;
  }

  #stat(path: string): ReturnType<FileSystem["stat"]> {
    const { fileSystem, complaints } = this.#init;
    try {
      return fileSystem.stat(path);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      complaints.warn(messageOf(error));
      return undefined;
    }
  }

  #stored(path: string): StoredCommitGraph {
    const read = (limit: number) => this.#init.fileSystem.read(path, limit);
    return { name: path, read };
  }

  /** The layers that a chain file lists, each where it is found first. */
  #layers(
    chain: string,
    directories: readonly string[],
  ): StoredCommitGraph[] {
    const { fileSystem, format, complaints } = this.#init;
    const layers: StoredCommitGraph[] = [];
    try {
      const bytes = fileSystem.read(chain, MAX_CHAIN_BYTES);
      if (bytes === undefined) return layers;
      const lines = toBinary(bytes).split("\n").slice(0, -1);
      for (const line of lines.slice(0, MAX_LAYERS)) {
        const oid = parseOid(line, format);
        const path = oid && directories
          .map((each) =>
            joinPath(each, `info/commit-graphs/graph-${oid}.graph`)
          )
          .find((each) => this.#stat(each) !== undefined);
        if (path === undefined) {
          complaints.warn(
            oid === undefined
              ? `invalid commit-graph chain: line '${
                printable(line)
              }' not a hash`
              : "unable to find all commit-graph files",
            { path: chain },
          );
          break;
        }
        layers.push(this.#stored(path));
      }
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      complaints.warn(messageOf(error));
    }
    return layers;
  }
}

const NONE: ReturnType<CommitGraphStore["scan"]> = {
  stamp: "",
  chains: () => [],
};

function singleIn(directory: string): string {
  return joinPath(directory, "info/commit-graph");
}

function chainIn(directory: string): string {
  return joinPath(directory, "info/commit-graphs/commit-graph-chain");
}
