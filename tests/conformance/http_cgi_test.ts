/**
 * Clones and pushes through Debian's web servers.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { startApache } from "../support/apache.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { smallRepository } from "../support/fixture_small.ts";
import { git, tryGit } from "../support/git.ts";
import { startNginx } from "../support/nginx.ts";
import { describe, it } from "../support/test.ts";
import { cgiCommand } from "../support/web_server.ts";

for (
  const [name, start] of [["Apache", startApache], [
    "nginx",
    startNginx,
  ]] as const
) {
  describe(name, () => {
    it("clones and pushes with git's own program", async () => {
      const root = temporaryDirectory("cgi");
      smallRepository(join(root, "a.git"));
      const server = await start({
        cgi: await cgiCommand("git"),
        root,
        users: { ann: "secret" },
      });
      try {
        for (const protocol of [0, 1, 2] as const) {
          await git(["clone", "-q", server.url("/a.git"), `w${protocol}`], {
            cwd: root,
            protocol,
          });
        }
        const cwd = join(root, "w0");
        await git(["commit", "--allow-empty", "-qm", "x"], { cwd });
        const refused = await tryGit(
          ["push", "origin", "HEAD:refs/heads/new"],
          { cwd },
        );
        assert.notEqual(refused.code, 0);
        await git([
          "push",
          server.url("/a.git", "ann:secret"),
          "HEAD:refs/heads/new",
        ], { cwd });
      } finally {
        await server.stop();
      }
    });
  });
}
