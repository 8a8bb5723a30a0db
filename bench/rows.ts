/**
 * What is measured: one row each. A new row is an entry in this table.
 *
 * @module
 */

import type { Question } from "./messages.ts";
import type { BenchRepository, RepositoryKind } from "./repos.ts";

/** A figure that the project promises, as a ratio to `git daemon`'s. */
export interface Target {
  /** `rate` is requests per second; the others are costs. */
  readonly metric: "wall" | "cpu" | "memory" | "bytes" | "rate";
  readonly bound: "at most" | "at least";
  readonly value: number;
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

const LS_REFS: Question = { ...CLONE, type: "ls-refs", wants: [] };

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

const CLONE_TARGETS: readonly Target[] = [
  { metric: "wall", bound: "at most", value: 1.5, kinds: ["generated"] },
  { metric: "bytes", bound: "at most", value: 1.02, kinds: ["generated"] },
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
      { metric: "rate", bound: "at least", value: 2, kinds: ["small"] },
    ],
  },
  {
    name: "full-cold",
    title: "full clone, cold",
    kinds: LARGE,
    warmUp: 0,
    requests: 1,
    quickRequests: 1,
    concurrency: 1,
    per: "request",
    question: () => CLONE,
    targets: CLONE_TARGETS,
  },
  {
    name: "full-again",
    title: "full clone, again",
    kinds: LARGE,
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
    targets: [],
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
    targets: [],
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
    kinds: LARGE,
    warmUp: 0,
    requests: 1,
    quickRequests: 1,
    concurrency: 1,
    per: "request",
    question: fetchTwenty,
    targets: [],
  },
  {
    name: "fetch20-again",
    title: "fetch of 20 commits, again",
    kinds: LARGE,
    warmUp: 1,
    requests: 20,
    quickRequests: 5,
    concurrency: 1,
    per: "request",
    question: fetchTwenty,
    targets: [],
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
    targets: [],
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
    kinds: ["refs-1k", "refs-100k", "given"],
    warmUp: 0,
    requests: 1,
    quickRequests: 1,
    concurrency: 1,
    per: "request",
    question: () => LS_REFS,
    targets: [],
  },
  {
    name: "ls-refs",
    title: "ls-refs, again",
    kinds: ["refs-1k", "refs-100k", "given"],
    warmUp: 1,
    requests: 20,
    quickRequests: 5,
    concurrency: 1,
    per: "request",
    question: () => LS_REFS,
    targets: [],
  },
];
