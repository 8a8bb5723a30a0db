/**
 * A server of one namespace, and real clients: they see, clone and fetch what
 * clients of `GIT_NAMESPACE=<it> git upload-pack` do.
 *
 * @module
 */

import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  expandNamespace,
  FileSystemBackend,
  type RunningServer,
  serveTcp,
} from "../../mod.ts";
import {
  removeDirectory,
  temporaryDirectory,
} from "../support/fixture_directory.ts";
import { smallRepository } from "../support/fixture_small.ts";
import { git, gitSync, tryGit } from "../support/git.ts";
import { inParallel } from "../support/git_jobs.ts";
import { fsck, lines } from "../support/git_repository.ts";
import { withoutIdentity } from "../support/server_session.ts";
import { after, before, describe, it } from "../support/test.ts";
import { connectWire, gitRequest, toBuffer } from "../support/wire_client.ts";

describe("a value of GIT_NAMESPACE", () => {
  it("is taken and refused as git takes it", async () => {
    const path = join(temporaryDirectory("values"), "empty.git");
    gitSync(["init", "-q", "--bare", path]);
    const values = [
      ...["", "a", "a/", "/a", "//", "/", "a//b", "a/./b", "a/../b", ".", "@"],
      ...["a b", "a.lock", "a.", "a@{b", "a~", "-", "refs/heads", "\x7f", "*"],
    ];
    await inParallel(values, async (value) => {
      const { code, stderr } = await tryGit(["upload-pack", path], {
        env: { GIT_NAMESPACE: value },
        input: "0000",
      });
      if (code === 0) assert.doesNotThrow(() => expandNamespace(value), value);
      else {
        assert.throws(() => expandNamespace(value), ({ message }: Error) => {
          const printed = stderr.replace("?", "\\x7f").trimEnd();
          assert.equal(`fatal: ${message}`, printed);
          return true;
        });
      }
    });
  });
});

describe("a server of one namespace", () => {
  const root = temporaryDirectory("namespace");
  const path = join(root, "all.git");
  const script = join(root, "upload-pack");
  let server: RunningServer;

  before(async () => {
    const { main, parent, tag, hidden } = smallRepository(path);
    const inside = "refs/namespaces/a/refs/namespaces/b/";
    const run = (...args: readonly string[]): string =>
      gitSync(args, { cwd: path });
    run("update-ref", `${inside}refs/heads/trunk`, parent);
    run("update-ref", `${inside}refs/heads/side`, hidden);
    run("update-ref", `${inside}refs/tags/v1`, tag);
    run("update-ref", `refs/namespaces/a/refs/heads/other`, main);
    run("symbolic-ref", `${inside}HEAD`, `${inside}refs/heads/trunk`);
    writeFileSync(
      script,
      `#!/bin/sh\nGIT_NAMESPACE=a/b exec git upload-pack "$@"\n`,
    );
    chmodSync(script, 0o755);
    server = await serveTcp({
      backend: new FileSystemBackend(root),
      port: 0,
      terms: { namespace: expandNamespace("a/b") },
      limits: { workers: 1 },
    });
  });

  after(async () => {
    await server.close();
    removeDirectory(root);
  });

  for (const protocol of [0, 1, 2] as const) {
    it(`shows it and nothing else, protocol v${protocol}`, async () => {
      const url = `git://127.0.0.1:${server.port}/all.git`;
      const list = ["ls-remote", "--symref"];
      // The first is answered by another thread, the last by the main one.
      for (let i = 0; i < 3; i++) {
        const [ours, theirs] = await Promise.all([
          git([...list, url], { protocol }),
          git([...list, `--upload-pack=${script}`, path], { protocol }),
        ]);
        assert.equal(ours, theirs);
        assert.match(ours, /^ref: refs\/heads\/trunk\tHEAD\n/);
      }
    });

    if (protocol < 2) {
      it(`tells each client another session, protocol v${protocol}`, async () => {
        gitSync(["config", "transfer.advertiseSID", "true"], { cwd: path });
        const ids = new Set<string>();
        const rest = new Set<string>();
        for (let i = 0; i < 4; i++) {
          const wire = await connectWire(server.port);
          await wire.send(gitRequest("/all.git", { protocol }), "0000");
          const said = await wire.untilClosed(60_000);
          const [, id] = / session-id=(\S+) object-format=/.exec(
            toBuffer(said).toString("latin1"),
          ) ?? [];
          assert.match(
            id ?? "",
            /^\d{8}T\d{6}\.\d{6}Z-H[\da-f]{8}-P[\da-f]{8}$/,
          );
          ids.add(id ?? "");
          rest.add(withoutIdentity(said));
        }
        // The listing is one, which they share.
        assert.equal(ids.size, 4);
        assert.equal(rest.size, 1);
      });
    }

    it(`is cloned whole, protocol v${protocol}`, async () => {
      const url = `git://127.0.0.1:${server.port}/all.git`;
      const to = join(root, `clone-${protocol}.git`);
      await git(["clone", "-q", "--mirror", url, to], { protocol });
      const names = await git(["for-each-ref", "--format=%(refname)"], {
        cwd: to,
      });
      assert.deepEqual(lines(names), [
        "refs/heads/side",
        "refs/heads/trunk",
        "refs/tags/v1",
      ]);
      assert.equal((await fsck(to)).code, 0);
    });
  }
});
