/**
 * What is measured: one row each. A new row is an entry in this table.
 *
 * @module
 */

import type { Question, Transport } from "./messages.ts";
import type { BenchRepository, RepositoryKind } from "./repos.ts";

/**
 * A figure that the project promises, as a ratio to git's: to `git daemon`'s,
 * or over HTTP to that of `git http-backend` behind Apache.
 */
export interface Target {
  /** `rate` is requests per second; the others are costs. */
  readonly metric: "wall" | "cpu" | "memory" | "bytes" | "rate";
  readonly bound: "at most" | "at least";
  readonly value: number;
  /** The row whose figures of the same server it is promised against. */
  readonly versus?: string;
  /** The kinds of repository it is promised for. */
  readonly kinds: readonly RepositoryKind[];
}

/** One measurement. Every round of it starts each server anew. */
export interface Row {
  readonly name: string;
  readonly title: string;
  readonly kinds: readonly RepositoryKind[];
  /** Unmeasured requests before the measured ones; 0 measures the cold one. */
  readonly warmUp: number;
  /** Measured requests per round. */
  readonly requests: number;
  /** The same under `--quick`. */
  readonly quickRequests: number;
  /** How many of them at a time. */
  readonly concurrency: number;
  /** What the servers are asked over; git:// unless told. */
  readonly transport?: Transport;
  /**
   * Whether wall, CPU and bytes are those of one request (the mean of the
   * batch, where several run at a time) or of the whole batch.
   */
  readonly per: "request" | "batch";
  /** The question, or `undefined` where the repository cannot be asked. */
  question(repository: BenchRepository): Question | undefined;
  readonly targets: readonly Target[];
}

/** What `git clone -q` asks for. */
const CLONE: Question = {
  type: "fetch",
  prefixes: ["HEAD", "refs/heads/", "refs/tags/"],
  wants: "all",
  haves: [],
  depth: 0,
  includeTag: false,
};

/** `git archive --remote HEAD`. */
const ARCHIVE: Question = { ...CLONE, type: "archive" };

const LS_REFS: Question = { ...CLONE, type: "ls-refs", wants: [] };

/** `git clone --filter=<spec>`. */
function partialClone(filter: string): Row["question"] {
  return () => ({ ...CLONE, filter });
}

/** `git clone --depth=1`: one branch, tags by include-tag. */
function shallowClone(repository: BenchRepository): Question {
  return { ...CLONE, wants: [repository.tip], depth: 1, includeTag: true };
}

/** `git fetch origin main` into a clone that lacks 20 commits. */
function fetchTwenty(repository: BenchRepository): Question | undefined {
  if (repository.haves.length === 0) return undefined;
  return {
    ...CLONE,
    prefixes: ["refs/heads/", "refs/tags/"],
    wants: [repository.tip],
    haves: repository.haves,
    includeTag: true,
  };
}

/** A fetch whose client finds by the refs that it has everything. */
function fetchNothing(): Question {
  return { ...LS_REFS, prefixes: ["refs/heads/", "refs/tags/"] };
}

/** A client that asks all the same: an empty pack is the answer. */
function fetchKnown(repository: BenchRepository): Question {
  return {
    ...CLONE,
    prefixes: ["refs/heads/", "refs/tags/"],
    wants: [repository.tip],
    haves: [repository.tip],
    includeTag: true,
  };
}

const LARGE: readonly RepositoryKind[] = ["generated", "given"];
const WITH_BITMAP: readonly RepositoryKind[] = [...LARGE, "given+bitmap"];
const WITH_GRAPH: readonly RepositoryKind[] = [...LARGE, "given+commit-graph"];
const REFS: readonly RepositoryKind[] = ["refs-1k", "refs-100k", "given"];

/** A cost that is promised to be at most `value` times git's. */
function atMost(
  metric: Target["metric"],
  value: number,
  ...kinds: readonly RepositoryKind[]
): Target {
  return { metric, bound: "at most", value, kinds };
}

const CLONE_TARGETS: readonly Target[] = [
  atMost("wall", 1.5, "generated"),
  atMost("bytes", 1.02, "generated"),
];

const PARTIAL_TARGETS: readonly Target[] = [
  atMost("wall", 0.5, "given"),
  atMost("bytes", 1.02, "given"),
];

const FETCH_TARGETS: readonly Target[] = [
  atMost("wall", 0.4, "given+commit-graph"),
  atMost("bytes", 1.1, "given+commit-graph"),
];

const LS_REFS_TARGETS: readonly Target[] = [
  atMost("wall", 0.3, "refs-1k"),
  atMost("wall", 0.5, "refs-100k"),
];

/** All rows, in the order of the report. */
export const ROWS: readonly Row[] = [
  {
    name: "small-rate",
    title: "small clones, 8 at a time",
    kinds: ["small"],
    warmUp: 32,
    requests: 400,
    quickRequests: 120,
    concurrency: 8,
    per: "request",
    question: () => CLONE,
    targets: [
      { metric: "rate", bound: "at least", value: 4, kinds: ["small"] },
    ],
  },
  {
    name: "full-cold",
    title: "full clone, cold",
    kinds: WITH_BITMAP,
    warmUp: 0,
    requests: 1,
    quickRequests: 1,
    concurrency: 1,
    per: "request",
    question: () => CLONE,
    targets: [
      ...CLONE_TARGETS,
      atMost("wall", 0.45, "given"),
      atMost("wall", 0.6, "given+bitmap"),
      atMost("bytes", 1.02, "given", "given+bitmap"),
      atMost("memory", 0.5, "given"),
    ],
  },
  {
    name: "http-small-rate",
    title: "small clones over HTTP, 8 at a time",
    kinds: ["small"],
    warmUp: 32,
    requests: 400,
    quickRequests: 120,
    concurrency: 8,
    transport: "http",
    per: "request",
    question: () => CLONE,
    targets: [
      atMost("wall", 0.5, "small"),
      { ...atMost("wall", 1.15, "small"), versus: "small-rate" },
    ],
  },
  {
    name: "http-full-cold",
    title: "full clone over HTTP, cold",
    kinds: LARGE,
    warmUp: 0,
    requests: 1,
    quickRequests: 1,
    concurrency: 1,
    transport: "http",
    per: "request",
    question: () => CLONE,
    targets: [{ ...atMost("wall", 1.15, ...LARGE), versus: "full-cold" }],
  },
  {
    name: "http-full-again",
    title: "full clone over HTTP, again",
    kinds: LARGE,
    warmUp: 1,
    requests: 2,
    quickRequests: 1,
    concurrency: 1,
    transport: "http",
    per: "request",
    question: () => CLONE,
    targets: [{ ...atMost("wall", 1.15, ...LARGE), versus: "full-again" }],
  },
  {
    name: "full-again",
    title: "full clone, again",
    kinds: WITH_BITMAP,
    warmUp: 1,
    requests: 2,
    quickRequests: 1,
    concurrency: 1,
    per: "request",
    question: () => CLONE,
    targets: CLONE_TARGETS,
  },
  {
    name: "full-8",
    title: "8 full clones at once",
    kinds: ["generated"],
    warmUp: 0,
    requests: 8,
    quickRequests: 8,
    concurrency: 8,
    per: "batch",
    question: () => CLONE,
    targets: [atMost("wall", 0.8, "generated")],
  },
  {
    name: "blobless-cold",
    title: "clone with --filter=blob:none, cold",
    kinds: WITH_BITMAP,
    warmUp: 0,
    requests: 1,
    quickRequests: 1,
    concurrency: 1,
    per: "request",
    question: partialClone("blob:none"),
    targets: PARTIAL_TARGETS,
  },
  {
    name: "treeless-cold",
    title: "clone with --filter=tree:0, cold",
    kinds: WITH_BITMAP,
    warmUp: 0,
    requests: 1,
    quickRequests: 1,
    concurrency: 1,
    per: "request",
    question: partialClone("tree:0"),
    targets: PARTIAL_TARGETS,
  },
  {
    name: "depth1-cold",
    title: "depth-1 clone, cold",
    kinds: LARGE,
    warmUp: 0,
    requests: 1,
    quickRequests: 1,
    concurrency: 1,
    per: "request",
    question: shallowClone,
    targets: [atMost("wall", 0.6, "given"), atMost("bytes", 1.1, "given")],
  },
  {
    name: "depth1-again",
    title: "depth-1 clone, again",
    kinds: LARGE,
    warmUp: 1,
    requests: 20,
    quickRequests: 5,
    concurrency: 1,
    per: "request",
    question: shallowClone,
    targets: [],
  },
  {
    name: "fetch20-cold",
    title: "fetch of 20 commits, cold",
    kinds: WITH_GRAPH,
    warmUp: 0,
    requests: 1,
    quickRequests: 1,
    concurrency: 1,
    per: "request",
    question: fetchTwenty,
    targets: FETCH_TARGETS,
  },
  {
    name: "fetch20-again",
    title: "fetch of 20 commits, again",
    kinds: WITH_GRAPH,
    warmUp: 1,
    requests: 20,
    quickRequests: 5,
    concurrency: 1,
    per: "request",
    question: fetchTwenty,
    targets: FETCH_TARGETS,
  },
  {
    name: "fetch-nothing",
    title: "fetch with nothing new",
    kinds: LARGE,
    warmUp: 1,
    requests: 50,
    quickRequests: 10,
    concurrency: 1,
    per: "request",
    question: fetchNothing,
    targets: [atMost("wall", 0.3, "given")],
  },
  {
    name: "fetch-known",
    title: "fetch of what is there",
    kinds: LARGE,
    warmUp: 1,
    requests: 20,
    quickRequests: 5,
    concurrency: 1,
    per: "request",
    question: fetchKnown,
    targets: [],
  },
  {
    name: "ls-refs-cold",
    title: "ls-refs, cold",
    kinds: REFS,
    warmUp: 0,
    requests: 1,
    quickRequests: 1,
    concurrency: 1,
    per: "request",
    question: () => LS_REFS,
    targets: LS_REFS_TARGETS,
  },
  {
    name: "ls-refs",
    title: "ls-refs, again",
    kinds: REFS,
    warmUp: 1,
    requests: 20,
    quickRequests: 5,
    concurrency: 1,
    per: "request",
    question: () => LS_REFS,
    targets: LS_REFS_TARGETS,
  },
  {
    name: "archive-cold",
    title: "tar archive, cold",
    kinds: LARGE,
    warmUp: 0,
    requests: 1,
    quickRequests: 1,
    concurrency: 1,
    per: "request",
    question: () => ARCHIVE,
    targets: [],
  },
  {
    name: "archive",
    title: "tar archive, again",
    kinds: LARGE,
    warmUp: 1,
    requests: 5,
    quickRequests: 2,
    concurrency: 1,
    per: "request",
    question: () => ARCHIVE,
    targets: [atMost("wall", 1, "given"), atMost("bytes", 1.01, "given")],
  },
];
