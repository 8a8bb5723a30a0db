/**
 * What the tables of features are shown with: repositories under one daemon,
 * and the same question put to it, to `serve-command` and to git's own program.
 * Their answers are compared here; what a feature is about, the row looks for
 * in each of them, git's among them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { type FetchAnswer, readFetchAnswer } from "./fetch_answer.ts";
import { copyRepository } from "./fixture.ts";
import { temporaryDirectory } from "./fixture_directory.ts";
import { type SmallRepository, smallRepository } from "./fixture_small.ts";
import { gitSync, tryGit } from "./git.ts";
import { objectSet, refs, shallowFile } from "./git_repository.ts";
import { packedIds } from "./pack_contents.ts";
import { type Daemon, startDaemon, uploadPackScript } from "./server.ts";
import { runSession, withoutIdentity } from "./server_session.ts";
import {
  converse,
  gitRequest,
  parsePackets,
  type Wire,
} from "./wire_client.ts";

/** One row of a table: the name of the feature, and what must not throw. */
export interface FeatureRow {
  /** The feature. */
  readonly row: string;
  /** Shows that it works, or that it is refused in plain words. */
  shows(): Promise<void>;
}

/** A protocol version that clients ask for. */
export type Version = 0 | 1 | 2;

/** All of them. */
export const VERSIONS: readonly Version[] = [0, 1, 2];

/** Who has answered. */
export type Server = "git" | "serve-command" | "daemon";

/** One answer. */
export interface Heard {
  /** Whose it is. */
  readonly from: Server;
  /** Every byte of it, one character each. */
  readonly raw: string;
  /** It without the advertisement, taken apart. */
  readonly answer: FetchAnswer;
}

/** A question beyond the repository, the version and the bytes. */
export interface Question {
  /** What the client sends. */
  readonly input: Wire;
  /** Options of the program: where there are any, no daemon is asked. */
  readonly options?: readonly string[];
  /** `unread` for packs that are thin or not alike, and for odd bands. */
  readonly packs?: "same" | "unread";
  /** Who is asked beside git; both unless told. */
  readonly servers?: readonly Server[];
}

/** Repositories in a directory of their own under one daemon. */
export class FeatureWorld {
  /** Where all repositories are. */
  readonly root: string;
  /** The daemon, which goes by git's rules. */
  readonly daemon: Daemon;
  readonly #script = uploadPackScript("ours");
  readonly #advertised = new Map<string, Promise<readonly string[]>>();
  #clones = 0;

  private constructor(root: string, daemon: Daemon) {
    this.root = root;
    this.daemon = daemon;
  }

  /** Starts the daemon over an empty directory. End it with its `stop`. */
  static async start(label: string): Promise<FeatureWorld> {
    const root = temporaryDirectory(label);
    const daemon = await startDaemon({
      args: ["--export-all", "--informative-errors", `--base-path=${root}`],
    });
    return new FeatureWorld(root, daemon);
  }

  /** A small repository with `<key>=<value>` settings. */
  repository(
    name: string,
    settings: readonly string[] = [],
    options: Parameters<typeof smallRepository>[1] = {},
  ): SmallRepository {
    const made = smallRepository(this.path(name), options);
    for (const setting of settings) {
      const at = setting.indexOf("=");
      const [key, value] = [setting.slice(0, at), setting.slice(at + 1)];
      gitSync(["config", "--add", key, value], { cwd: made.path });
    }
    return made;
  }

  /** The absolute path of a repository. */
  path(name: string): string {
    return join(this.root, name);
  }

  /** Asks everybody; the answers must be git's. */
  async ask(
    name: string,
    version: Version,
    question: Question,
  ): Promise<readonly Heard[]> {
    const { options, packs = "same" } = question;
    const all = options === undefined
      ? ["serve-command", "daemon"] as const
      : ["serve-command"] as const;
    const servers = question.servers ?? all;
    const stateless = options?.includes("--stateless-rpc") ?? false;
    const [git, ...others] = await Promise.all(
      (["git", ...servers] as const).map(async (from): Promise<Heard> => {
        const raw = await this.#answerOf(from, name, version, question);
        const answer = packs === "same"
          ? readFetchAnswer(Buffer.from(raw, "latin1"), { stateless })
          : { lines: [], pack: undefined };
        return { from, raw, answer };
      }),
    );
    assert.ok(git !== undefined);
    for (const each of others) {
      const what = `${each.from}, protocol v${version}`;
      assert.deepEqual(each.answer.lines, git.answer.lines, what);
      assert.deepEqual(idsOf(each.answer), idsOf(git.answer), what);
    }
    return [git, ...others];
  }

  /** The lines of the advertisement, which must be git's to the byte. */
  async advertised(
    name: string,
    version: Version,
    servers?: readonly Server[],
  ): Promise<readonly string[]> {
    const key = [name, version, servers].join();
    const known = this.#advertised.get(key) ??
      this.#advertise(name, version, servers);
    this.#advertised.set(key, known);
    return await known;
  }

  async #advertise(
    name: string,
    version: Version,
    servers: readonly Server[] | undefined,
  ): Promise<readonly string[]> {
    const heard = await this.ask(name, version, {
      input: "0000",
      packs: "unread",
      ...(servers === undefined ? {} : { servers }),
    });
    const [git] = heard;
    assert.ok(git !== undefined);
    for (const { from, raw } of heard) {
      assert.equal(withoutIdentity(raw), withoutIdentity(git.raw), from);
    }
    return linesOf(git.raw);
  }

  /**
   * Clones by the real git over git:// in one version and from `serve-command`
   * in the next one: what the clone holds must be what it gets from git.
   */
  async cloned(
    name: string,
    args: readonly string[] = [],
    version: Version = 2,
  ): Promise<Clone> {
    return await this.#compare(name, version, async (where, protocol) => {
      const target = this.path(`clone-${++this.#clones}.git`);
      const { code, stderr } = await tryGit(
        ["clone", "-q", "--bare", ...args, ...where, target],
        { protocol },
      );
      return await stateOf(target, code, stderr);
    });
  }

  /** Fetches into copies of the repository `from` in the same ways. */
  async fetched(
    from: string,
    name: string,
    args: readonly string[],
    version: Version = 2,
  ): Promise<Clone> {
    return await this.#compare(name, version, async (where, protocol) => {
      const copy = copyRepository(
        from,
        this.path(`copy-${++this.#clones}.git`),
      );
      const { code, stderr } = await tryGit(
        ["fetch", "-q", ...where, ...args],
        { cwd: copy, protocol },
      );
      return await stateOf(copy, code, stderr);
    });
  }

  async #compare(
    name: string,
    version: Version,
    act: (where: readonly string[], protocol: Version) => Promise<Clone>,
  ): Promise<Clone> {
    const file = `file://${this.path(name)}`;
    const next = VERSIONS[(version + 1) % VERSIONS.length] as Version;
    const [git, daemon, command] = await Promise.all([
      act([file], 2),
      act([this.daemon.url(`/${name}`)], version),
      act([`--upload-pack=${this.#script}`, file], next),
    ]);
    assert.deepEqual(daemon.state, git.state, `daemon, v${version}`);
    assert.deepEqual(command.state, git.state, `serve-command, v${next}`);
    return git;
  }

  async #answerOf(
    from: Server,
    name: string,
    protocol: Version,
    { input, options = [] }: Question,
  ): Promise<string> {
    if (from === "daemon") {
      const request = gitRequest(`/${name}`, { protocol });
      const said = await converse(this.daemon.port, [request, input], {
        halfClose: true,
      });
      return Buffer.from(said).toString("latin1");
    }
    const { stdout } = await runSession(
      { path: this.path(name), protocol, input, options },
      from === "git" ? "git" : "ours",
    );
    return stdout;
  }
}

/** A repository that a client has made. */
export interface Clone {
  /** Where it is. */
  readonly path: string;
  /** How git ended, and what there is now. */
  readonly state: {
    readonly code: number | null;
    readonly refs: readonly string[];
    readonly objects: readonly string[];
    readonly shallow: readonly string[];
  };
}

async function stateOf(
  path: string,
  code: number | null,
  stderr: string,
): Promise<Clone> {
  if (code !== 0) throw new Error(`git ended with ${code}: ${stderr}`);
  const [refList, objects] = await Promise.all([refs(path), objectSet(path)]);
  return {
    path,
    state: { code, refs: refList, objects, shallow: shallowFile(path) },
  };
}

function idsOf({ pack }: FetchAnswer): readonly string[] | undefined {
  return pack === undefined ? undefined : packedIds(pack);
}

/** The text of all packets without line feeds; special ones are left out. */
export function linesOf(raw: string): string[] {
  return parsePackets(Buffer.from(raw, "latin1"), "lenient").flatMap((each) =>
    each.type === "data" ? [each.text.replace(/\n$/, "")] : []
  );
}

/** The capabilities of a v0 or v1 advertisement. */
export function capabilitiesOf(lines: readonly string[]): string[] {
  const line = lines.find((each) => each.includes("\0")) ?? "";
  return (line.split("\0")[1] ?? "").split(" ").filter((word) => word !== "");
}
