/**
 * Who may, as real git meets it: passwords and tokens over HTTP, rules over
 * both transports, and the files changing under the daemon.
 *
 * @module
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "../support/debian.ts";
import { after, before, describe, it } from "../support/test.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { smallRepository } from "../support/fixture_small.ts";
import { git, tryGit } from "../support/git.ts";
import {
  type Daemon,
  daemonCommand,
  eventually,
  freePort,
  runDaemon,
  SERVER,
  startDaemon,
} from "../support/server.ts";

const root = temporaryDirectory("http-access");
after(() => rmSync(root, { recursive: true, force: true }));

const TOKEN = "0123456789abcdef-robot";
const CONFIG = `[gitsrv]
\thtpasswd = passwords
\ttokens = tokens
\tgroup = devs alice robot
[gitsrv "team/**"]
\tread = users
\twrite = @devs
[gitsrv "team/secret.git"]
\tread = alice
\twrite = alice
[gitsrv "drop"]
\twrite = anyone
[gitsrv "team/secret.git"]
`;

/** A file as the real htpasswd makes it; of a low cost, but for one user. */
function passwords(
  path: string,
  users: Readonly<Record<string, string>>,
): void {
  writeFileSync(path, "");
  for (const [user, password] of Object.entries(users)) {
    const cost = user === "slow" ? "8" : "5";
    execFileSync(
      findProgram("htpasswd"),
      ["-bBC", cost, path, user, password],
      {
        stdio: "ignore",
      },
    );
  }
}

// The reference knows nothing of HTTP and of users.
if (SERVER === "ours") {
  describe("who may over HTTP and git://", () => {
    const served = join(root, "served");
    const work = join(root, "work");
    let daemon: Daemon;
    let port = 0;
    const http = (user = "") => `http://${user}127.0.0.1:${port}`;
    const status = async (path: string, authorization?: string) => {
      const response = await fetch(
        `${http()}${path}/info/refs?service=git-upload-pack`,
        authorization === undefined ? {} : { headers: { authorization } },
      );
      const text = await response.text();
      const asks = response.headers.get("www-authenticate");
      return { status: response.status, text, asks };
    };
    const commit = async (message: string) => {
      await git([
        ...["-C", work, "-c", "user.name=a", "-c", "user.email=a@b"],
        ...["commit", "-q", "--allow-empty", `-m${message}`],
      ]);
      return (await git(["-C", work, "rev-parse", "HEAD"])).trim();
    };
    const tip = async (path: string) =>
      (await git(["-C", join(served, path), "rev-parse", "main"])).trim();
    const push = (url: string, ...args: string[]) =>
      tryGit(
        ["-C", work, ...args, "push", "-q", url, "HEAD:refs/heads/main"],
        { env: { GIT_TERMINAL_PROMPT: "0" } },
      );

    before(async () => {
      for (
        const name of [
          "open.git",
          "drop.git",
          "team/code.git",
          "team/secret.git",
        ]
      ) {
        smallRepository(join(served, name));
      }
      passwords(join(root, "passwords"), {
        alice: "se:cr@t",
        bob: "secret",
        slow: "secret",
      });
      const digest = createHash("sha256").update(TOKEN).digest("hex");
      writeFileSync(join(root, "tokens"), `robot:${digest}\n`);
      writeFileSync(join(root, "who.conf"), CONFIG);
      port = await freePort();
      daemon = await startDaemon({
        args: [
          `--http-port=${port}`,
          `--config=${join(root, "who.conf")}`,
          "--verbose",
          served,
        ],
      });
      await git(["clone", "-q", `${http()}/open.git`, work]);
    });
    after(async () => void await daemon?.stop());

    it("takes a password in the URL for a clone and a push", async () => {
      const url = `${http("alice:se%3Acr%40t@")}/team/secret.git`;
      const copy = join(root, "copy");
      await git(["clone", "-q", url, copy]);
      const oid = await commit("by URL");
      const { code, stderr } = await push(url);
      assert.equal(code, 0, stderr);
      assert.equal(await tip("team/secret.git"), oid);
    });

    it("takes what a credential helper knows, asked by a 401", async () => {
      const helper = join(root, "helper");
      writeFileSync(
        helper,
        `#!/bin/sh\necho "$1" >>"${root}/asked"\n` +
          `echo username=robot\necho password=${TOKEN}\n`,
      );
      chmodSync(helper, 0o755);
      const oid = await commit("by a helper");
      const { code, stderr } = await push(
        `${http()}/team/code.git`,
        ...["-c", `credential.helper=${helper}`],
      );
      assert.equal(code, 0, stderr);
      assert.equal(await tip("team/code.git"), oid);
    });

    it("takes a token in a header of git's", async () => {
      const oid = await commit("by a header");
      const { code, stderr } = await push(
        `${http()}/team/code.git`,
        ...["-c", `http.extraHeader=Authorization: Bearer ${TOKEN}`],
      );
      assert.equal(code, 0, stderr);
      assert.equal(await tip("team/code.git"), oid);
    });

    it("asks again where a password is wrong, and git says so", async () => {
      const { code, stderr } = await push(
        `${http("alice:wrong@")}/team/code.git`,
      );
      assert.equal(code, 128);
      assert.match(stderr, /Authentication failed for/);
    });

    it("tells users who may not push, and nobody what may not be read", async () => {
      const before = await tip("team/code.git");
      await commit("refused");
      const refused = await push(`${http("bob:secret@")}/team/code.git`);
      assert.equal(refused.code, 128);
      assert.match(refused.stderr, /The requested URL returned error: 403/);
      assert.equal(await tip("team/code.git"), before);
      const hidden = await push(`${http("bob:secret@")}/team/secret.git`);
      assert.equal(hidden.code, 128);
      assert.match(hidden.stderr, /repository '\S+' not found/);

      const bob = `Basic ${btoa("bob:secret")}`;
      assert.deepEqual(await status("/team/secret", bob), {
        status: 404,
        text: "Not found\n",
        asks: null,
      });
      assert.deepEqual(
        await status("/team/none", bob),
        await status("/team/secret", bob),
      );
      assert.deepEqual(await status("/team/secret"), {
        status: 401,
        text: "Authentication required\n",
        asks: 'Basic realm="gitsrv", charset="UTF-8", Bearer realm="gitsrv"',
      });
      assert.deepEqual(
        await status("/team/none"),
        await status("/team/secret"),
      );
      assert.deepEqual(await status("/none"), await status("/team/secret"));
    });

    it("lets anybody read what no rule is about, wrong passwords not", async () => {
      assert.equal((await status("/open")).status, 200);
      assert.equal(
        (await status("/open", `Basic ${btoa("bob:secret")}`)).status,
        200,
      );
      assert.equal(
        (await status("/open", `Basic ${btoa("bob:wrong")}`)).status,
        401,
      );
      assert.equal((await status("/open", "Bearer wrong")).status, 401);
    });

    it("holds over git://, where nobody is known, as if nothing were there", async () => {
      const said = async (path: string) => {
        const { code, stderr } = await tryGit(["ls-remote", daemon.url(path)]);
        assert.equal(code, 128);
        return stderr.replace(path, "<path>");
      };
      const refusal = await said("/none.git");
      assert.match(
        refusal,
        /remote error: access denied or repository not exported: <path>/,
      );
      for (
        const path of [
          ...["/team/secret", "/team/code.git", "/team/code.git/"],
          ...["//team//code", "/team/./code"],
        ]
      ) assert.equal(await said(path), refusal, path);
      await git(["ls-remote", daemon.url("/open.git")]);
    });

    it("takes pushes of anyone where a rule says so, and nowhere else", async () => {
      for (const url of [`${http()}/drop.git`, daemon.url("/drop.git")]) {
        const oid = await commit("anybody's");
        const { code, stderr } = await push(url);
        assert.equal(code, 0, stderr);
        assert.equal(await tip("drop.git"), oid);
      }
      for (const url of [`${http()}/open.git`, daemon.url("/open.git")]) {
        assert.equal((await push(url)).code, 128, url);
      }
    });

    it("serves others while 200 wrong passwords are checked", async () => {
      // Of no user, at the cost of most; the first ends after the clone has.
      const order: string[] = [];
      const wrong = Array.from({ length: 200 }, async (_, i) => {
        const guess = `Basic ${btoa(`slow:guess ${i}`)}`;
        const { status: code } = await status("/team/code", guess);
        order.push(String(code));
        return code;
      });
      await eventually("some are turned away", () => order.includes("503"));
      await git(["ls-remote", `${http()}/open.git`]);
      order.push("served");
      const codes = await Promise.all(wrong);
      assert.deepEqual([...new Set(codes)].sort(), [401, 503]);
      const after = order.slice(order.indexOf("served"));
      assert.ok(after.includes("401"), `served last: ${order.join(" ")}`);
      assert.equal(
        (await status("/open", `Basic ${btoa("bob:secret")}`)).status,
        200,
      );
    });

    it("follows its files, and keeps to what it knew where one is broken", async () => {
      const bob = `Basic ${btoa("bob:secret")}`;
      const conf = join(root, "who.conf");
      writeFileSync(conf, `${CONFIG}\tread = bob\n`);
      await eventually(
        "bob may read",
        async () => (await status("/team/secret", bob)).status === 200,
      );
      writeFileSync(conf, `${CONFIG}\treed = carol\n`);
      await eventually("it is told of", async () => {
        await status("/team/secret", bob);
        return daemon.log().includes(
          "did you mean 'gitsrv.team/secret.git.read'?",
        );
      });
      assert.equal((await status("/team/secret", bob)).status, 200);
      passwords(join(root, "passwords"), { alice: "se:cr@t" });
      writeFileSync(conf, CONFIG);
      await eventually(
        "bob is nobody",
        async () => (await status("/open", bob)).status === 401,
      );
    });
  });

  describe("a daemon whose files say nonsense", () => {
    const start = async (...args: string[]) => {
      const { code, stderr } = await runDaemon(await daemonCommand(), [
        ...["--port=0", "--no-http", ...args],
      ]);
      return { code, stderr };
    };

    it("does not start, and says what would help", async () => {
      const file = join(root, "apr1");
      writeFileSync(file, "alice:$apr1$YkRmWmZl$9oXLFBIYXNbLgq1P.hdkO/\n");
      assert.deepEqual(await start(`--htpasswd=${file}`), {
        code: 128,
        stderr: `fatal: ${file}:1: the password of 'alice' is kept as ` +
          "Apache's MD5 (apr1), not as bcrypt\n" +
          `hint: to set a password: htpasswd -B ${file} alice\n`,
      });
    });

    it("does not start without them", async () => {
      assert.deepEqual(await start(`--tokens=${root}/none`), {
        code: 128,
        stderr:
          `fatal: cannot read '${root}/none': No such file or directory\n`,
      });
    });
  });
}
