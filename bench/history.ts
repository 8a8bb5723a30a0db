/**
 * Makes up histories as `git fast-import` streams: the same bytes at every
 * call, so that every run and every machine measures the same repository.
 * Pure; `repos.ts` feeds them to git.
 *
 * @module
 */

/** The shape of a made-up history; equal shapes give equal objects. */
export interface HistoryShape {
  /** Directories in the root, each with files. */
  readonly directories: number;
  /** Directories inside each of them, each with files. */
  readonly subdirectories: number;
  readonly filesPerDirectory: number;
  readonly filesPerSubdirectory: number;
  /** Edits of one file each, some of them on side branches. */
  readonly edits: number;
  /** How many of the edits are two directories deep. */
  readonly deepEdits: number;
  /** Side branches of ten edits, each merged; at most one per 50 edits. */
  readonly merges: number;
  /** Annotated tags, spread over the history. */
  readonly tags: number;
  /** Lines of a file. */
  readonly lines: number;
}

/** The objects that a shape gives: commits, trees, blobs and tags. */
export function objectsOf(shape: HistoryShape): number {
  const inner = shape.directories * shape.subdirectories;
  const trees = 1 + shape.directories + inner + (shape.merges > 0 ? 1 : 0);
  const files = shape.directories * shape.filesPerDirectory +
    inner * shape.filesPerSubdirectory + (shape.merges > 0 ? TOPIC_FILES : 0);
  // An edit makes a commit, a blob, the root and the directory; a deep one the
  // inner directory too; a merge a commit and the root alone, since only side
  // branches touch `topic/`.
  return 1 + trees + files + 4 * shape.edits + shape.deepEdits +
    2 * shape.merges + shape.tags;
}

const MAIN = "refs/heads/main";
const TOPIC = "refs/heads/topic";
const TOPIC_FILES = 10;
const TOPIC_EDITS = 10;
/** Of every 50 edits, a side branch takes the 20th to 29th; 45 merges it. */
const TOPIC_PERIOD = 50;
const TOPIC_START = 20;
const TOPIC_END = 45;
const START_TIME = 1_600_000_000;
const CHUNK = 1 << 20;

/** The fast-import stream of a shape, in chunks of about 1 MiB. */
export function* historyStream(shape: HistoryShape): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  let pending = "";
  for (const part of new History(shape).commands()) {
    pending += part;
    if (pending.length < CHUNK) continue;
    yield encoder.encode(pending);
    pending = "";
  }
  yield encoder.encode(pending + "done\n");
}

class History {
  readonly #shape: HistoryShape;
  readonly #files = new Map<string, string[]>();
  readonly #shallowPaths: string[] = [];
  readonly #deepPaths: string[] = [];
  readonly #topicPaths: string[] = [];
  #random = 0x9e3779b9;
  #mark = 0;
  #commits = 0;

  constructor(shape: HistoryShape) {
    this.#shape = shape;
    for (let d = 0; d < shape.directories; d++) {
      const directory = `${WORDS[d % WORDS.length]}-${d}`;
      for (let f = 0; f < shape.filesPerDirectory; f++) {
        this.#addFile(`${directory}/file-${f}.txt`, this.#shallowPaths);
      }
      for (let s = 0; s < shape.subdirectories; s++) {
        for (let f = 0; f < shape.filesPerSubdirectory; f++) {
          this.#addFile(`${directory}/inner-${s}/part-${f}`, this.#deepPaths);
        }
      }
    }
    if (shape.merges === 0) return;
    for (let f = 0; f < TOPIC_FILES; f++) {
      this.#addFile(`topic/idea-${f}.md`, this.#topicPaths);
    }
  }

  *commands(): Generator<string> {
    const shape = this.#shape;
    yield "feature done\n";
    yield this.#commit(MAIN, "first", [...this.#files.keys()], "");
    const tagEvery = Math.max(1, Math.floor(shape.edits / (shape.tags + 1)));
    let [deep, merged, tagged, onTopic] = [0, 0, 0, 0];
    let topicPaths: string[] = [];
    let mainMark = this.#mark;
    for (let edit = 0; edit < shape.edits; edit++) {
      if (
        merged < shape.merges && edit % TOPIC_PERIOD >= TOPIC_START &&
        onTopic < TOPIC_EDITS
      ) {
        // The side branch starts where main is, and main goes on beside it.
        const path = this.#topicPaths[onTopic % TOPIC_FILES] as string;
        this.#change(path, edit);
        const from = onTopic === 0 ? `from :${mainMark}\n` : "";
        yield this.#commit(TOPIC, `idea ${edit}`, [path], from);
        topicPaths.push(path);
        onTopic++;
        continue;
      }
      if (edit % TOPIC_PERIOD === TOPIC_END && onTopic > 0) {
        const from = `from :${mainMark}\nmerge ${TOPIC}\n`;
        yield this.#commit(MAIN, `merge ${merged}`, topicPaths, from);
        mainMark = this.#mark;
        [topicPaths, onTopic] = [[], 0];
        merged++;
      }
      const isDeep = (edit + 1) * shape.deepEdits >= (deep + 1) * shape.edits;
      if (isDeep) deep++;
      const paths = isDeep ? this.#deepPaths : this.#shallowPaths;
      const path = paths[this.#next(paths.length)] as string;
      this.#change(path, edit);
      yield this.#commit(MAIN, `edit ${edit}`, [path], `from :${mainMark}\n`);
      mainMark = this.#mark;
      if (tagged < shape.tags && edit + 1 >= (tagged + 1) * tagEvery) {
        yield this.#tag(++tagged, mainMark);
      }
    }
  }

  #commit(
    ref: string,
    title: string,
    paths: readonly string[],
    from: string,
  ): string {
    const time = START_TIME + 60 * this.#commits++;
    const message = `${title}: ${this.#sentence()}\n`;
    const changes = paths.map((path) => {
      const content = (this.#files.get(path) as string[]).join("\n") + "\n";
      return `M 100644 inline ${path}\ndata ${content.length}\n${content}\n`;
    });
    return `commit ${ref}\nmark :${++this.#mark}\n` +
      `committer A U Thor <author@example.com> ${time} +0000\n` +
      `data ${message.length}\n${message}${from}${changes.join("")}\n`;
  }

  #tag(number: number, commit: number): string {
    const time = START_TIME + 60 * this.#commits;
    const message = `version ${number}\n`;
    return `tag v${number}\nfrom :${commit}\n` +
      `tagger A U Thor <author@example.com> ${time} +0000\n` +
      `data ${message.length}\n${message}\n`;
  }

  #addFile(path: string, list: string[]): void {
    list.push(path);
    const lines = Array.from(
      { length: this.#shape.lines },
      () => this.#sentence(),
    );
    this.#files.set(path, [`# ${path}`, ...lines]);
  }

  #change(path: string, edit: number): void {
    const lines = this.#files.get(path) as string[];
    const at = 1 + this.#next(lines.length - 1);
    // The number makes every content, and so every object, a new one.
    lines[at] = `${this.#sentence()} (${edit})`;
  }

  #sentence(): string {
    const words = Array.from(
      { length: 5 + this.#next(6) },
      () => WORDS[this.#next(WORDS.length)] as string,
    );
    return words.join(" ");
  }

  /** An integer in [0, limit), from a xorshift generator. */
  #next(limit: number): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x >>> 0;
    return this.#random % limit;
  }
}

const WORDS = (
  "branch merge server object index delta commit header stream packet " +
  "window limit buffer socket cursor marker record writer reader parent " +
  "shallow filter wanted common ready bitmap chunk offset entry prefix"
).split(" ");
