/**
 * Hand-made packs pushed to a daemon, in both ways of storing what comes: what
 * is refused has left nothing, what is taken is whole.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { copyRepository } from "../fixture.ts";
import { temporaryDirectory } from "../fixture_directory.ts";
import { type SmallRepository, smallRepository } from "../fixture_small.ts";
import { gitSync } from "../git.ts";
import { type Daemon, startDaemon } from "../server.ts";
import { startCloneLoop } from "../server_refusal.ts";
import { converse, gitRequest } from "../wire_client.ts";
import { rawPush, refIn, reportIn, ZERO } from "./raw_push.ts";

/** The two ways to store what comes, by the name of a repository for each. */
export const KEPT = ["loose.git", "packed.git"] as const;
/** Below refs/blobs, where a blob may be named. */
export const NAME = "refs/blobs/pushed";
/** git names the child that gave up; the cause is in words on band 2. */
export const BROKEN = /^unpack (index-pack|unpack-objects) abnormal exit$/;

/** What the answer to a pack in one repository came to. */
export interface Outcome {
  /** The report. */
  readonly report: readonly string[];
  /** Everything that was said. */
  readonly text: string;
}

/** What is sent beside a pack. */
export interface TrialPush {
  /** The value that the ref is to have. */
  readonly to: string;
  /** The ref; NAME unless told. */
  readonly name?: string;
  /** Capabilities; those of a client without bands unless told. */
  readonly capabilities?: string;
}

/** How a trial is set up. */
export interface TrialOptions {
  /** Options of the daemon. */
  readonly args?: readonly string[];
  /** `key=value` settings of the repositories. */
  readonly settings?: readonly string[];
}

/** A daemon over a repository for each way of storing, and a good one. */
export class PackTrial {
  /** The directory that is served. */
  readonly root: string;
  /** Serves it. */
  readonly daemon: Daemon;
  /** `good.git`, which is never pushed to. */
  readonly good: SmallRepository;
  readonly #loop: { stop(): Promise<unknown> };
  #copies = 0;

  private constructor(root: string, daemon: Daemon, good: SmallRepository) {
    this.root = root;
    this.daemon = daemon;
    this.good = good;
    this.#loop = startCloneLoop(daemon.url("/good.git"));
  }

  /** Starts the daemon; clones go on beside the trial. */
  static async start(
    label: string,
    { args = [], settings = [] }: TrialOptions = {},
  ): Promise<PackTrial> {
    const root = temporaryDirectory(label);
    const good = smallRepository(join(root, "good.git"));
    for (const name of KEPT) {
      const path = copyRepository(good.path, join(root, name));
      const limit = name === "packed.git" ? "1" : "1000000";
      gitSync(["config", "receive.unpackLimit", limit], { cwd: path });
      // Nothing here is about a disk that loses power.
      gitSync(["config", "gitsrv.fsync", "off"], { cwd: path });
      for (const each of settings) {
        const at = each.indexOf("=");
        const pair = [each.slice(0, at), each.slice(at + 1)];
        gitSync(["config", ...pair], { cwd: path });
      }
    }
    const daemon = await startDaemon({
      args: [
        `--base-path=${root}`,
        "--export-all",
        "--enable=receive-pack",
        "--max-connections=0",
        ...args,
      ],
    });
    return new PackTrial(root, daemon, good);
  }

  /** Ends everything; fails where a clone has. */
  async stop(): Promise<void> {
    await this.#loop.stop();
    await this.daemon.stop();
    rmSync(this.root, { recursive: true, force: true });
  }

  /** The path of a repository. */
  path(repository: string): string {
    return join(this.root, repository);
  }

  /** A copy of a repository that may be changed: its name. */
  copy(repository: string): string {
    const name = `copy${++this.#copies}-${repository}`;
    copyRepository(this.path(repository), this.path(name));
    return name;
  }

  /** Pushes a pack for one new ref. */
  async push(
    repository: string,
    pack: Uint8Array,
    push: TrialPush,
  ): Promise<Outcome> {
    return await this.send(repository, this.bytesOf(pack, push));
  }

  /** What such a push sends behind its request. */
  bytesOf(
    pack: Uint8Array,
    { to, name = NAME, capabilities }: TrialPush,
  ): Uint8Array {
    return rawPush([{ name, old: ZERO, new: to }], pack, capabilities);
  }

  /** Sends a push, byte by byte as it is given. */
  async send(repository: string, bytes: Uint8Array): Promise<Outcome> {
    const service = { service: "git-receive-pack" };
    const request = gitRequest(`/${repository}`, service);
    const output = Buffer.from(
      await converse(this.daemon.port, [request, bytes], {
        halfClose: true,
        deadline: 120_000,
      }),
    );
    return { report: reportIn(output), text: output.toString("latin1") };
  }

  /** The pack is refused for a reason, and leaves nothing. */
  async expectRefused(
    pack: Uint8Array,
    reason: RegExp,
    to: string,
  ): Promise<void> {
    for (const name of KEPT) {
      const before = this.filesOf(name);
      const { report, text } = await this.push(name, pack, { to });
      assert.match(report[0] ?? text, reason, name);
      assert.equal(report[1], `ng ${NAME} unpacker error`, `${name}: ${text}`);
      assert.deepEqual(this.filesOf(name), before, name);
    }
  }

  /** The pack is taken; gives the names of copies that have it now. */
  async expectTaken(
    pack: Uint8Array,
    to: string,
    from: readonly string[] = KEPT,
  ): Promise<readonly string[]> {
    const names = from.map((name) => this.copy(name));
    for (const name of names) {
      const { report, text } = await this.push(name, pack, { to });
      assert.deepEqual(report, ["unpack ok", `ok ${NAME}`], `${name}: ${text}`);
      assert.equal(refIn(this.path(name), NAME), to);
      gitSync(["fsck", "--strict"], { cwd: this.path(name) });
    }
    return names;
  }

  /** Every file of a repository with its size. */
  filesOf(repository: string): string[] {
    const directory = this.path(repository);
    const found: string[] = [];
    const queue = [directory];
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      for (const name of readdirSync(next)) {
        const path = join(next, name);
        const stat = statSync(path);
        if (stat.isDirectory()) queue.push(path);
        found.push(
          `${relative(directory, path)} ${stat.isFile() && stat.size}`,
        );
      }
    }
    return found.sort();
  }

  /** The most memory that the daemon has taken so far, in bytes. */
  peakMemory(): number {
    const status = readFileSync(`/proc/${this.daemon.pid}/status`, "latin1");
    return Number(/VmHWM:\s*(\d+)/.exec(status)?.[1] ?? 0) * 1024;
  }
}
