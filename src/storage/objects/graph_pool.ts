/**
 * The commit-graph that a repository's ports offer now, opened once and shared
 * by all stores until its files change.
 *
 * Files are checked against their own checksums when they are opened, which
 * git leaves to `git commit-graph verify`: it costs one pass of a native hash
 * over some 60 bytes a commit, and a bit that flipped on the disk then costs
 * time instead of history.
 *
 * @module
 */

import { equalBytes } from "../../core/bytes.ts";
import { messageOf, StorageError } from "../../core/errors.ts";
import type { ObjectFormat } from "../../core/oid.ts";
import type { Kernels } from "../../kernels/types.ts";
import { CommitGraph, CommitGraphLayer } from "../../pack/commit_graph.ts";
import type { CommitGraphStore, StoredCommitGraph } from "../ports.ts";

/** Bytes of all layers of a graph together: some fifteen million commits. */
const MAX_GRAPH_BYTES = 2 ** 30;

/** Opens a repository's commit-graph. */
export class GraphPool {
  readonly #port: CommitGraphStore | undefined;
  readonly #format: ObjectFormat;
  readonly #kernels: Pick<Kernels, "hash">;
  readonly #warn: (message: string) => void;
  #stamp = "";
  #graph: CommitGraph | undefined;

  /** Reads nothing yet. */
  constructor(
    port: CommitGraphStore | undefined,
    format: ObjectFormat,
    kernels: Pick<Kernels, "hash">,
    warn: (message: string) => void,
  ) {
    this.#port = port;
    this.#format = format;
    this.#kernels = kernels;
    this.#warn = warn;
  }

  /**
   * The graph now, or `undefined` where there is none that can be used, which
   * is told once. Costs one scan of the port where nothing changed.
   */
  get(): CommitGraph | undefined {
    if (this.#port === undefined) return undefined;
    const { stamp, chains } = this.#port.scan();
    if (stamp === this.#stamp) return this.#graph;
    this.#stamp = stamp;
    this.#graph = undefined;
    if (stamp !== "") this.#graph = this.#open(chains());
    return this.#graph;
  }

  /** Stops using `graph`, which was found to be corrupt as `error` says. */
  reject(graph: CommitGraph, error: StorageError): void {
    if (this.#graph !== graph) return;
    this.#graph = undefined;
    this.#warn(messageOf(error));
  }

  /** commit-graph.c: prepare_commit_graph; the first that has layers. */
  #open(
    chains: readonly (readonly StoredCommitGraph[])[],
  ): CommitGraph | undefined {
    for (const chain of chains) {
      const graph = this.#join(chain);
      if (graph !== undefined) return graph;
    }
    return undefined;
  }

  /** The layers up to the first that is missing or corrupt, as git. */
  #join(chain: readonly StoredCommitGraph[]): CommitGraph | undefined {
    const layers: CommitGraphLayer[] = [];
    let graph: CommitGraph | undefined;
    let left = MAX_GRAPH_BYTES;
    for (const stored of chain) {
      try {
        const bytes = stored.read(left);
        if (bytes === undefined) break;
        left -= bytes.length;
        layers.push(this.#layer(bytes));
        graph = new CommitGraph(layers.slice(), this.#format);
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        this.#warn(`${stored.name}: ${messageOf(error)}`);
        break;
      }
    }
    return graph;
  }

  #layer(bytes: Uint8Array): CommitGraphLayer {
    const layer = new CommitGraphLayer(bytes, this.#format);
    const hash = this.#kernels.hash(this.#format);
    hash.update(bytes.subarray(0, -this.#format.rawLength));
    if (!equalBytes(hash.digest(), layer.checksum())) {
      throw new StorageError(
        "corrupt-commit-graph",
        "Cannot use commit-graph: it does not match its checksum",
      );
    }
    return layer;
  }
}
