/**
 * The same `git push` to copies of one repository: to git's own program, and
 * over git:// to our daemon. What the client prints, how it ends, and what the
 * repositories hold afterwards must be equal.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { copyRepository, emptyRepository } from "../fixture.ts";
import { removeDirectory, temporaryDirectory } from "../fixture_directory.ts";
import { gitSync, tryGit } from "../git.ts";
import { type Daemon, SERVER, startDaemon } from "../server.ts";
import { stateOf } from "./state.ts";

/** Changes a repository before it is pushed to. */
export type SetUp = (directory: string) => void;

/** What came of one push. */
export interface Pushed {
  /** The client's exit code. */
  readonly code: number | null;
  /** What it printed, `--porcelain`, the repository's name left out. */
  readonly out: string;
  /** What it showed of the server's words, sorted lines. */
  readonly words: string;
  /** Where the repository is that our daemon has pushed into. */
  readonly directory: string;
  /** What it holds, as {@linkcode stateOf}. */
  readonly state: Readonly<Record<string, string>>;
}

/** What is pushed from, and where to. */
export class PushPair {
  /** Where everything is. */
  readonly root: string;
  /**
   * A repository with `main`, `next` one commit on top of it, `other` beside
   * it, and the tag `v1` of `next`.
   */
  readonly source: string;
  /** A bare repository with `main`. */
  readonly base: string;
  /** Our daemon, over {@linkcode PushPair.root}. */
  readonly daemon: Daemon;
  #count = 0;

  private constructor(root: string, source: string, daemon: Daemon) {
    this.root = root;
    this.source = source;
    this.base = join(root, "base.git");
    this.daemon = daemon;
  }

  /** Makes the repositories and starts the daemon. End it with `stop`. */
  static async start(
    label: string,
    options: readonly string[] = [],
  ): Promise<PushPair> {
    const root = temporaryDirectory(label);
    const source = join(root, "source");
    gitSync(["init", "--quiet", "--initial-branch=main", source]);
    const run = (...args: string[]) => gitSync(args, { cwd: source }).trim();
    const commit = (text: string) =>
      run("commit", "--quiet", "--allow-empty", "-m", text);
    commit("first");
    run("switch", "--quiet", "-c", "next");
    commit("second");
    run("tag", "-a", "-m", "a tag", "v1");
    run("switch", "--quiet", "-c", "other", "main");
    commit("aside");
    run("switch", "--quiet", "main");
    emptyRepository(join(root, "base.git"), "sha1");
    run("push", "--quiet", join(root, "base.git"), "main");
    const daemon = await startDaemon({
      args: [
        ...["--export-all", "--enable=receive-pack", `--base-path=${root}`],
        ...options,
      ],
      kind: SERVER,
    });
    return new PushPair(root, source, daemon);
  }

  /** Ends the daemon and removes everything. */
  async stop(): Promise<void> {
    await this.daemon.stop();
    removeDirectory(this.root);
  }

  /** A fresh copy of the bare repository, changed by `setUp`. */
  copy(setUp: SetUp = () => {}): string {
    const directory = join(this.root, `copy-${this.#count++}`, "to.git");
    mkdirSync(dirname(directory));
    copyRepository(this.base, directory);
    setUp(directory);
    return directory;
  }

  /** Pushes `args`, as behind `git push <url>`, to both. */
  async push(
    args: readonly string[],
    setUp?: SetUp,
    options: readonly string[] = [],
  ): Promise<Pushed> {
    const [theirs, own] = [this.copy(setUp), this.copy(setUp)];
    const url = this.daemon.url(own.slice(this.root.length));
    const [expected, actual] = await Promise.all([
      this.#run(theirs, theirs, args, options),
      this.#run(url, own, args, options),
    ]);
    const { directory: _, ...like } = expected;
    const { directory, ...got } = actual;
    assert.deepEqual(got, like);
    return { ...got, directory };
  }

  async #run(
    url: string,
    directory: string,
    args: readonly string[],
    options: readonly string[],
  ): Promise<Pushed> {
    const command = ["push", "--porcelain", ...options, url, ...args];
    const { code, stdout, stderr } = await tryGit(command, {
      cwd: this.source,
    });
    const words = stderr.replaceAll(directory, "DIR").split(/[\r\n]+/)
      .filter((line) => /^remote: /.test(line))
      .map((line) => line.trimEnd()).sort().join("\n");
    return {
      code,
      out: stdout.replaceAll(url, "URL"),
      words,
      directory,
      state: stateOf(directory),
    };
  }
}

/** Sets `<key>=<value>` in a repository. */
export function settings(...pairs: readonly string[]): SetUp {
  return (directory) => {
    for (const pair of pairs) {
      const at = pair.indexOf("=");
      const [key, value] = [pair.slice(0, at), pair.slice(at + 1)];
      gitSync(["config", "--add", key, value], { cwd: directory });
    }
  };
}
