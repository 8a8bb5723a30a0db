/**
 * Histories for fixtures, written as one `git fast-import` stream: the same
 * seed gives the same commits. Not a general stream writer.
 *
 * @see https://git-scm.com/docs/git-fast-import
 * @module
 */

import { Buffer } from "node:buffer";
import type { Random } from "./random.ts";

/** The date of the first commit of every history, in seconds. */
export const FIRST_DATE = 1_600_000_000;

const PEOPLE = "A U Thor <author@example.com>";

/** A commit that a stream has written. */
export interface StreamCommit {
  /** Its mark in the stream, from 1. */
  readonly mark: number;
  /** Its committer date in seconds. */
  readonly date: number;
}

/**
 * How committer times relate to the history; with `early` some commits come
 * before all others, so that git's walks end before they get to them.
 */
export type Dates = "rising" | "equal" | "skewed" | "early";

/** All of them. */
export const ALL_DATES: readonly Dates[] = [
  "rising",
  "equal",
  "skewed",
  "early",
];

/** The committer time of the commit made as number `index`. */
export function commitTime(
  random: Random,
  dates: Dates,
  index: number,
): number {
  const base = FIRST_DATE;
  switch (dates) {
    case "rising":
      return base + 100 * index;
    case "equal":
      return base + 1000 * Math.floor(index / 20);
    case "skewed":
      return base + 100 * index + (random.int(3) === 0 ? -1 : 1) *
          random.int(3000);
    case "early":
      return base + 100 * index - (index % 5 === 4 ? 86_400 : 0);
  }
}

/** What one commit changes and follows. */
export interface CommitSpec {
  /** Full name of the branch to write. */
  readonly ref: string;
  /** Marks or commit-ish expressions; the first is the first parent. */
  readonly parents: readonly (number | string)[];
  /** Committer date in seconds. */
  readonly date: number;
  /** `M`/`D` lines: {@linkcode FastImport.file} makes them. */
  readonly changes: readonly string[];
  /** The message; the mark's number unless told. */
  readonly message?: string;
}

/** Collects a fast-import stream. Text is one byte per character. */
export class FastImport {
  #parts: Buffer[] = [Buffer.from("feature done\n")];
  #nextMark = 1;

  /** Writes a blob and gives its mark. */
  blob(content: string | Uint8Array): number {
    const mark = this.#nextMark++;
    const bytes = typeof content === "string"
      ? Buffer.from(content, "latin1")
      : Buffer.from(content);
    this.#text(`blob\nmark :${mark}\ndata ${bytes.length}\n`);
    this.#parts.push(bytes);
    this.#text("\n");
    return mark;
  }

  /** A change line that puts a blob with a mode at a path. */
  file(path: string, content: string | Uint8Array, mode = "100644"): string {
    return `M ${mode} :${this.blob(content)} ${path}`;
  }

  /** Writes a commit. */
  commit(spec: CommitSpec): StreamCommit {
    const mark = this.#nextMark++;
    const message = spec.message ?? `commit ${mark}\n`;
    const [first, ...rest] = spec.parents.map((parent) =>
      typeof parent === "number" ? `:${parent}` : parent
    );
    // Without this, `from` would default to what the branch holds already.
    if (first === undefined) this.#text(`reset ${spec.ref}\n`);
    this.#text(
      `commit ${spec.ref}\nmark :${mark}\n` +
        `author ${PEOPLE} ${spec.date - 7} +0100\n` +
        `committer ${PEOPLE} ${spec.date} -0230\n` +
        `data ${Buffer.byteLength(message, "latin1")}\n${message}\n`,
    );
    if (first !== undefined) this.#text(`from ${first}\n`);
    for (const parent of rest) this.#text(`merge ${parent}\n`);
    this.#text(spec.changes.map((line) => `${line}\n`).join("") + "\n");
    return { mark, date: spec.date };
  }

  /** Writes an annotated tag of a mark or expression and gives its mark. */
  tag(name: string, target: number | string, date: number): number {
    const mark = this.#nextMark++;
    const from = typeof target === "number" ? `:${target}` : target;
    const message = `tag ${name}\n`;
    this.#text(
      `tag ${name}\nmark :${mark}\nfrom ${from}\n` +
        `tagger ${PEOPLE} ${date} +0000\n` +
        `data ${Buffer.byteLength(message, "latin1")}\n${message}\n`,
    );
    return mark;
  }

  /** Points a ref at a mark, or deletes it when there is none. */
  reset(ref: string, mark: number): void {
    this.#text(`reset ${ref}\nfrom :${mark}\n\n`);
  }

  /** The whole stream. */
  bytes(): Uint8Array {
    return Buffer.concat([...this.#parts, Buffer.from("done\n")]);
  }

  /**
   * The stream so far. What is written from here on is another stream, for a
   * git that is told the marks of this one.
   */
  take(): Uint8Array {
    const bytes = this.bytes();
    this.#parts = [Buffer.from("feature done\n")];
    return bytes;
  }

  #text(text: string): void {
    this.#parts.push(Buffer.from(text, "latin1"));
  }
}

/** What {@linkcode randomHistory} shall look like. */
export interface HistoryShape {
  /** Number of commits, at least 1. */
  readonly commits: number;
  /** Branch names under `refs/heads/`; the first gets most commits. */
  readonly branches: readonly string[];
  /** Every so many commits a skewed or an equal date is put in; 0 for none. */
  readonly oddDates: number;
}

/** One branch while a history grows. */
interface Growing {
  readonly ref: string;
  tip: StreamCommit | undefined;
}

/**
 * Writes a random history with merges, octopus merges and deltas to be found
 * between versions of the same files. All branches but the first start
 * somewhere on another; gives the commits in the order written.
 */
export function randomHistory(
  stream: FastImport,
  random: Random,
  shape: HistoryShape,
): StreamCommit[] {
  const branches: Growing[] = shape.branches.map((name) => ({
    ref: `refs/heads/${name}`,
    tip: undefined,
  }));
  const files = new TextFiles(random);
  const commits: StreamCommit[] = [];
  for (let i = 0; i < shape.commits; i++) {
    const isFirst = commits.length === 0;
    const branch = branches[
      isFirst || random.int(2) === 0 ? 0 : random.int(branches.length)
    ] as Growing;
    const parents = new Set<number>();
    if (!isFirst) parents.add((branch.tip ?? random.pick(commits)).mark);
    // One commit in seven merges another branch, one in thirty two of them.
    const merges = random.int(30) === 0 ? 2 : random.int(7) === 0 ? 1 : 0;
    for (let m = 0; m < merges && !isFirst; m++) {
      const other = random.pick(branches).tip;
      if (other !== undefined) parents.add(other.mark);
    }
    const commit = stream.commit({
      ref: branch.ref,
      parents: [...parents],
      date: dateOf(i, shape.oddDates),
      changes: files.change(stream),
    });
    branch.tip = commit;
    commits.push(commit);
  }
  return commits;
}

/** Dates grow by a minute; odd ones are equal to the last, or a day early. */
function dateOf(index: number, oddDates: number): number {
  const steady = FIRST_DATE + index * 60;
  if (oddDates === 0 || index % oddDates !== oddDates - 1) return steady;
  return index % (2 * oddDates) < oddDates ? steady - 60 : steady - 86_400;
}

/** Text files whose next version differs in a line or two. */
class TextFiles {
  readonly #random: Random;
  readonly #files = new Map<string, string[]>();

  constructor(random: Random) {
    this.#random = random;
  }

  change(stream: FastImport): string[] {
    const random = this.#random;
    const changes: string[] = [];
    for (let n = 1 + random.int(2); n > 0; n--) {
      const path = `dir${random.int(4)}/sub${random.int(3)}/f${random.int(4)}`;
      const text = this.#files.get(path) ?? this.#fresh();
      text[random.int(text.length)] = this.#line();
      if (random.int(3) === 0) text.push(this.#line());
      this.#files.set(path, text);
      changes.push(stream.file(path, text.join("")));
    }
    return changes;
  }

  #fresh(): string[] {
    return Array.from(
      { length: 20 + this.#random.int(30) },
      () => this.#line(),
    );
  }

  #line(): string {
    return `${this.#random.int(0x7fffffff).toString(36)} ${
      this.#random.next().toString(36).slice(2)
    }\n`;
  }
}
