/**
 * `gitsrv info-refs`: the listing is the one that `git update-server-info`
 * writes, and the advertisements are the bodies that `git http-backend` sends,
 * in every version of the protocol, of both services, in namespaces too.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { infoRefs, MemoryRepository, objectsInfoPacks } from "../../mod.ts";
import { FileSystemBackend } from "../../mod.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { smallRepository } from "../support/fixture_small.ts";
import {
  GIT,
  git,
  type GitResult,
  gitSync,
  runProgram,
} from "../support/git.ts";
import { ourCommand, serverEnvironment } from "../support/server.ts";
import { withoutIdentity } from "../support/server_session.ts";
import { describe, it } from "../support/test.ts";

const root = temporaryDirectory("info-refs");
const path = join(root, "r.git");
smallRepository(path);
gitSync(["update-ref", "refs/namespaces/n/refs/heads/x", "main"], {
  cwd: path,
});
gitSync(["tag", "-a", "-m", "x", "\xe4", "main"], { cwd: path });

function cli(
  args: readonly string[],
  env: Record<string, string> = {},
  cwd = root,
): Promise<GitResult> {
  const { program, args: first } = ourCommand();
  return runProgram(program, [...first, "info-refs", ...args], {
    cwd,
    env: serverEnvironment(env),
  });
}

/** The body of http-backend's answer. */
async function backend(
  query: string,
  env: Record<string, string>,
): Promise<string> {
  const { stdout } = await runProgram(GIT, ["http-backend"], {
    env: {
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: "/r.git/info/refs",
      QUERY_STRING: query,
      REQUEST_METHOD: "GET",
      REMOTE_USER: "x",
      ...env,
    },
  });
  return stdout.slice(stdout.indexOf("\r\n\r\n") + 4);
}

describe("info-refs", () => {
  it("lists what update-server-info writes", async () => {
    const { stdout, code } = await cli(["r"]);
    await git(["update-server-info"], { cwd: path });
    assert.equal(stdout, readFileSync(join(path, "info/refs"), "latin1"));
    assert.equal(code, 0);
    const repository = await new FileSystemBackend(root).openRepository(
      "/r.git",
    );
    const latin1 = (bytes: Uint8Array) =>
      Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
    assert.equal(latin1(await infoRefs(repository)), stdout);
    assert.equal(
      latin1(objectsInfoPacks(repository)),
      readFileSync(join(path, "objects/info/packs"), "latin1"),
    );
    const memory = new MemoryRepository();
    assert.equal(latin1(await infoRefs(memory)), "");
    assert.equal(latin1(objectsInfoPacks(memory)), "\n");
  });

  for (const service of ["git-upload-pack", "git-receive-pack"]) {
    for (const version of [0, 1, 2]) {
      it(`advertises ${service} in version ${version}`, async () => {
        const GIT_PROTOCOL = `version=${version}`;
        const theirs = await backend(`service=${service}`, { GIT_PROTOCOL });
        const ours = await cli([`--service=${service}`, "r.git"], {
          GIT_PROTOCOL,
        });
        assert.equal(ours.stderr, "");
        assert.deepEqual(
          withoutIdentity(ours.stdout),
          withoutIdentity(theirs),
        );
      });
    }
  }

  it("leaves out the line of the service, and finds where it is", async () => {
    mkdirSync(join(path, "objects/deeper"));
    const ours = await cli(
      ["--service", "git-upload-pack", "--protocol=1", "--no-service-line"],
      { GIT_PROTOCOL: "version=2" },
      join(path, "objects/deeper"),
    );
    const theirs = await git(
      ["upload-pack", "--http-backend-info-refs", path],
      { env: { GIT_PROTOCOL: "version=1" } },
    );
    assert.deepEqual(withoutIdentity(ours.stdout), withoutIdentity(theirs));
  });

  it("shows a namespace alone", async () => {
    const env = { GIT_NAMESPACE: "n" };
    for (const query of ["", "service=git-upload-pack"]) {
      const args = query === "" ? [] : [`--${query}`];
      const ours = await cli([...args, "r.git"], env);
      assert.deepEqual(
        withoutIdentity(ours.stdout),
        withoutIdentity(await backend(query, env)),
      );
      assert.match(ours.stdout, /refs\/heads\/x/);
      assert.doesNotMatch(ours.stdout, /main/);
    }
  });

  it("refuses what cannot be asked", async () => {
    for (
      const [args, code, words] of [
        [["--service=git-upload-archive", "r"], 129, "unknown service"],
        [["--protocol=3", "r"], 129, "unknown protocol version '3'"],
        [["r", "r"], 129, "too many arguments"],
        [["none"], 128, "fatal: not a git repository: 'none'\n"],
      ] as const
    ) {
      const ended = await cli(args);
      assert.equal(ended.code, code);
      assert.ok(ended.stderr.includes(words), ended.stderr);
      assert.equal(ended.stdout, "");
    }
  });
});
