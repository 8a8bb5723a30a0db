/**
 * What a scenario over HTTP stands on: origins that are copies of templates,
 * and git clients that ask one server for one protocol version. Not the
 * scenarios.
 *
 * @module
 */

import assert from "node:assert/strict";
import { chmodSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { concatBytes } from "../../../src/core/bytes.ts";
import { copyRepository, emptyRepository, importStream } from "../fixture.ts";
import type { ObjectFormat } from "../fixture.ts";
import { FastImport, FIRST_DATE } from "../fixture_history.ts";
import { git, type GitResult, gitSync, tryGit } from "../git.ts";
import { fsck, lines, reachableSet, refs } from "../git_repository.ts";
import type { HttpServer, Version } from "../http_server.ts";
import { seeded } from "../random.ts";

/** One thing that clients do, from the start to the end. */
export interface Scenario {
  /** A sentence without its subject, which is the client. */
  readonly title: string;
  /** Protocol versions that it is told in; 0 and 2 unless told. */
  readonly versions?: readonly Version[];
  /** What must not throw. */
  run(world: HttpWorld): Promise<void>;
}

/** A repository that is served. */
export interface Origin {
  /** Where it lies. */
  readonly path: string;
  /** Its clone URL. */
  readonly url: string;
}

/** What the templates are: `many` has 1,600 refs, each with its own commit. */
export type TemplateName = ObjectFormat | "many" | "big" | "huge";

/** Configuration of all origins: what git serves only when it is told to. */
const SETTINGS: Readonly<Record<string, string>> = {
  "http.receivepack": "true",
  "uploadpack.allowFilter": "true",
  "uploadpack.allowAnySHA1InWant": "true",
};

/** The blob that does not compress; beyond what sockets hold in "huge". */
const BLOB_MEBIBYTES: Readonly<Partial<Record<TemplateName, number>>> = {
  big: 6,
  huge: 40,
};

/** Commits of main in the small templates. */
export const MAIN_COMMITS = 40;

/** Builds what origins are copied from, each when it is first asked for. */
export class Templates {
  readonly #root: string;
  readonly #made = new Map<TemplateName, string>();

  /** `root` must exist; templates are no part of what is served. */
  constructor(root: string) {
    this.#root = root;
  }

  /** The path of one. */
  path(name: TemplateName): string {
    let path = this.#made.get(name);
    if (path === undefined) {
      path = join(this.#root, `${name}.git`);
      this.#made.set(name, path);
      emptyRepository(path, name === "sha256" ? "sha256" : "sha1");
      for (const [key, value] of Object.entries(SETTINGS)) {
        gitSync(["config", key, value], { cwd: path });
      }
      importStream(path, history(name), "packed");
      gitSync(["pack-refs", "--all"], { cwd: path });
    }
    return path;
  }
}

function history(name: TemplateName): FastImport {
  const stream = new FastImport();
  const random = seeded(7);
  const text = Array.from({ length: 200 }, () => `${random.next()}\n`);
  let parent: number | undefined;
  for (let i = 0; i < MAIN_COMMITS; i++) {
    text[random.int(text.length)] = `changed by ${i}\n`;
    const changes = [
      stream.file("file", text.join("")),
      stream.file(`dir${i % 4}/${i}`, `${name} ${i}\n`),
    ];
    const mebibytes = i === 0 ? BLOB_MEBIBYTES[name] ?? 0 : 0;
    if (mebibytes > 0) {
      // The same again is further away than zlib looks back.
      const block = random.bytes(1 << 20);
      const blocks = Array<Uint8Array>(mebibytes).fill(block);
      changes.push(stream.file("big", concatBytes(blocks)));
    }
    const ref = "refs/heads/main";
    const parents = parent === undefined ? [] : [parent];
    const date = FIRST_DATE + i * 60;
    parent = stream.commit({ ref, parents, date, changes }).mark;
    if (i === 10) stream.tag("v1", parent, date);
    if (i === 20) stream.reset("refs/tags/light", parent);
  }
  const side = (ref: string): void => {
    stream.commit({
      ref,
      parents: parent === undefined ? [] : [parent],
      date: FIRST_DATE + 10_000,
      changes: [stream.file("side", `${ref}\n`)],
    });
  };
  side("refs/heads/topic");
  side("refs/heads/gone");
  for (let i = 0; name === "many" && i < 1600; i++) side(`refs/pull/${i}/head`);
  return stream;
}

let count = 0;

/** One server, one version. */
export class HttpWorld {
  /** The version that clients ask for. */
  readonly version: Version;
  /** The server. */
  readonly server: HttpServer;
  readonly #templates: Templates;
  readonly #served: string;
  readonly #clients: string;

  /** `served` is what the server serves, `clients` where clones go. */
  constructor(given: {
    readonly server: HttpServer;
    readonly version: Version;
    readonly templates: Templates;
    readonly served: string;
    readonly clients: string;
  }) {
    this.server = given.server;
    this.version = given.version;
    this.#templates = given.templates;
    this.#served = given.served;
    this.#clients = given.clients;
  }

  /** A repository of its own to be served: a copy of a template, or empty. */
  origin(of: TemplateName | "empty"): Origin {
    const name = `/r${++count}.git`;
    const path = join(this.#served, name);
    copyRepository(this.#templates.path(of === "empty" ? "sha1" : of), path);
    if (of === "empty") {
      gitSync(["init", "-q", "--bare", "-b", "trunk", `${path}-`]);
      gitSync(["config", "http.receivepack", "true"], { cwd: `${path}-` });
      return { path: `${path}-`, url: this.server.url(`${name}-`) };
    }
    return { path, url: this.server.url(name) };
  }

  /** A path where nothing is. */
  place(): string {
    return join(this.#clients, `c${++count}`);
  }

  /** Runs a client; throws when it fails. */
  git(args: readonly string[], cwd?: string): Promise<string> {
    return git(args, this.#options(cwd));
  }

  /** Runs a client and tells how it ended. */
  tryGit(
    args: readonly string[],
    cwd?: string,
    env: Readonly<Record<string, string>> = {},
  ): Promise<GitResult> {
    return tryGit(args, this.#options(cwd, env));
  }

  /** Clones and gives the clone's path. */
  async clone(url: string, ...options: readonly string[]): Promise<string> {
    const path = this.place();
    await this.git(["clone", "--quiet", ...options, url, path]);
    return path;
  }

  #options(
    cwd: string | undefined,
    env: Readonly<Record<string, string>> = {},
  ) {
    return {
      protocol: this.version,
      env: { ...this.server.env, ...env },
      ...(cwd === undefined ? {} : { cwd }),
    };
  }
}

/** Writes a file and commits it; gives the commit. */
export async function commit(path: string, name: string): Promise<string> {
  writeFileSync(join(path, name), `${name}\n`);
  await git(["add", name], { cwd: path });
  await git(["commit", "--quiet", "-m", name], { cwd: path });
  return await idOf(path, "HEAD");
}

/** The id of a revision. */
export async function idOf(path: string, revision: string): Promise<string> {
  return (await git(["rev-parse", revision], { cwd: path })).trim();
}

/** Adds commits to a branch of a bare repository. */
export function advance(path: string, ref: string, commits: number): void {
  const stream = new FastImport();
  let parent: number | string = `${ref}^0`;
  for (let i = 0; i < commits; i++) {
    const changes = [stream.file(`more${i}`, `${ref} ${i} ${count}\n`)];
    const date = FIRST_DATE + 20_000 + i * 60;
    parent = stream.commit({ ref, parents: [parent], date, changes }).mark;
  }
  importStream(path, stream, "loose");
}

/** A hook of a repository. */
export function setHook(path: string, name: string, script: string): void {
  gitSync(["config", "core.hooksPath", "hooks"], { cwd: path });
  gitSync(["init", "-q", "--bare", path]);
  const file = join(path, "hooks", name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}

/** That nothing is broken, and no quarantine was left. */
export async function assertSound(path: string): Promise<void> {
  const { code, lines: said } = await fsck(path);
  assert.equal(code, 0, said.join("\n"));
  const objects = [join(path, "objects"), join(path, ".git/objects")]
    .find((each) => existsSync(each)) ?? path;
  const left = readdirSync(objects).filter((each) => each.startsWith("tmp_"));
  assert.deepEqual(left, []);
}

/** That a mirror has what its origin has: refs and objects. */
export async function assertMirror(
  path: string,
  origin: Origin,
): Promise<void> {
  assert.deepEqual(await refs(path), await refs(origin.path));
  assert.deepEqual(await reachableSet(path), await reachableSet(origin.path));
  await assertSound(path);
}

/** That a clone's branches and tags are those of its origin. */
export async function assertClone(
  path: string,
  origin: Origin,
): Promise<void> {
  const own = await refs(path, "refs/remotes", "refs/tags");
  const expected = await refs(origin.path, "refs/heads", "refs/tags");
  assert.deepEqual(
    own.filter((line) => !line.endsWith("/HEAD"))
      .map((line) => line.replace("refs/remotes/origin/", "refs/heads/")),
    expected,
  );
  await assertSound(path);
}

/** Ids of what a partial clone knows that it lacks. */
export async function missing(path: string): Promise<string[]> {
  const text = await git(
    ["rev-list", "--objects", "--all", "--missing=print"],
    { cwd: path },
  );
  return lines(text).filter((line) => line.startsWith("?"));
}

/**
 * The length of each POST in what `GIT_TRACE_CURL` has said: "unknown" where
 * it goes in chunks, which HTTP/2 has no header for.
 */
export function lengthsSent(trace: string): (number | "unknown")[] {
  return trace.split(/=> Send header: POST /i).slice(1).map((request) => {
    const sent = /=> Send header: content-length: (\d+)/i.exec(request)?.[1];
    return sent === undefined ? "unknown" : Number(sent);
  });
}
