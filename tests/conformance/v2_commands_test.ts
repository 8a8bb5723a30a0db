/**
 * Protocol v2 beyond plain clones: refs that are wanted by name, answers all in
 * bands, `object-info`, `bundle-uri`, and wants that are refused; with the real
 * client, and with requests of which many are broken, answered as the real
 * `git upload-pack` answers them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { OBJECT_FORMATS } from "../support/fixture.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { smallRepository } from "../support/fixture_small.ts";
import { git, gitSync, tryGit } from "../support/git.ts";
import { inParallel } from "../support/git_jobs.ts";
import { fsck, lines, objectSet } from "../support/git_repository.ts";
import { seeded } from "../support/random.ts";
import { SERVER, startDaemon, uploadPackScript } from "../support/server.ts";
import { runSession, v2Command } from "../support/server_session.ts";
import { after, describe, it } from "../support/test.ts";
import { toldByGit, toldByUs, V2Sessions } from "../support/v2_sessions.ts";
import {
  converse,
  gitRequest,
  packets,
  toBuffer,
  type Wire,
} from "../support/wire_client.ts";

// Set up here, not in a hook: the tests below take these as constants.
const root = temporaryDirectory("v2-commands");
const SETTINGS = {
  "plain.git": [],
  "rich.git": [
    "uploadpack.allowRefInWant=true",
    "uploadpack.allowSidebandAll=true",
    "uploadpack.hideRefs=refs/hidden",
  ],
  "strict.git": [
    "uploadpack.hideRefs=refs/hidden",
    "gitsrv.strictWants=true",
  ],
  "bundles.git": [
    "uploadpack.advertiseBundleURIs=true",
    "transfer.advertiseObjectInfo=false",
    "bundle.version=1",
    "bundle.mode=all",
    "bundle.Daily.uri=https://example.com/daily.bundle",
    "bundle.Daily.creationToken=3",
  ],
} as const;
type Name = keyof typeof SETTINGS;
const good = smallRepository(join(root, "plain.git"));
for (const [name, settings] of Object.entries(SETTINGS)) {
  if (name !== "plain.git") smallRepository(pathOf(name as Name));
  for (const setting of settings) {
    const at = setting.indexOf("=");
    gitSync(["config", setting.slice(0, at), setting.slice(at + 1)], {
      cwd: pathOf(name as Name),
    });
  }
}
const daemon = await startDaemon({
  args: [`--base-path=${root}`, "--export-all"],
});

after(async () => {
  await daemon.stop();
  rmSync(root, { recursive: true, force: true });
});

function pathOf(name: Name): string {
  return join(root, name);
}

/** Everything that the daemon says to `input` before it closes. */
async function ask(name: Name, input: Wire): Promise<Buffer> {
  const request = gitRequest(`/${name}`, { protocol: 2 });
  const said = await converse(daemon.port, [request, input], {
    halfClose: true,
  });
  return toBuffer(said);
}

/** The same without the advertisement. */
async function answerOf(name: Name, input: Wire): Promise<string> {
  const text = (await ask(name, input)).toString("latin1");
  return text.slice(text.indexOf("\n0000") + "\n0000".length);
}

describe("the real client", () => {
  for (const transport of ["git://", "serve-command"] as const) {
    const from = transport === "git://"
      ? { url: daemon.url("/rich.git"), args: [] }
      : {
        url: `file://${pathOf("rich.git")}`,
        args: [`--upload-pack=${uploadPackScript()}`],
      };

    it(`asks for refs by name, all in bands, over ${transport}`, async () => {
      const path = join(temporaryDirectory("client"), "repo.git");
      await git(["init", "-q", "--bare", path]);
      const fetch = async (...args: readonly string[]): Promise<string> => {
        const { code, stderr } = await tryGit(
          ["fetch", "-q", ...from.args, from.url, ...args],
          { cwd: path, protocol: 2, env: { GIT_TRACE_PACKET: "1" } },
        );
        assert.equal(code, 0, stderr);
        return stderr;
      };
      const first = await fetch("--depth=2", "main:refs/heads/main");
      assert.match(first, /fetch> want-ref refs\/heads\/main/);
      assert.match(first, /fetch> sideband-all/);
      assert.match(first, /fetch< \\1wanted-refs/);
      assert.match(first, /fetch< \\1shallow-info/);
      await fetch("--unshallow", "refs/heads/*:refs/heads/*");
      await fetch("refs/tags/v1:refs/tags/v1");
      assert.equal(
        await git(["rev-parse", "main", "v1"], { cwd: path }),
        `${good.main}\n${good.tag}\n`,
      );
      assert.equal((await fsck(path)).code, 0);
    });

    it(`learns on band 3 what it cannot have, over ${transport}`, async () => {
      const { code, stderr } = await tryGit(
        ["fetch-pack", ...from.args, from.url, "12".repeat(20)],
        {
          cwd: pathOf("plain.git"),
          protocol: 2,
          env: { GIT_TRACE_PACKET: "1" },
        },
      );
      assert.notEqual(code, 0);
      assert.match(stderr, /fetch-pack< \\3unknown ref (12){20}/);
      assert.match(stderr, /fatal: remote error: unknown ref (12){20}/);
    });
  }

  const strict = async (layout: string): Promise<void> => {
    if (SERVER === "git") return;
    const path = join(temporaryDirectory("client"), "repo.git");
    await git(["init", "-q", "--bare", path]);
    const fetch = async (oid: string): Promise<boolean> => {
      const { code, stderr } = await tryGit(
        ["fetch-pack", daemon.url("/strict.git"), oid],
        { cwd: path, protocol: 2 },
      );
      if (code !== 0) assert.match(stderr, new RegExp(`not our ref ${oid}`));
      return code === 0;
    };
    const idsOf = (ref: string): Promise<string> =>
      git(["rev-parse", `${ref}^{tree}`, `${ref}:only`], {
        cwd: pathOf("strict.git"),
      });
    const [tree = "", blob = ""] = lines(await idsOf("refs/hidden/one"));
    assert.ok(await fetch(good.blob));
    assert.ok(await fetch(good.parent));
    assert.ok(await fetch(`${good.main}`));
    for (const oid of [good.hidden, tree, blob, good.unreachable]) {
      assert.ok(!await fetch(oid), `${layout}: ${oid}`);
    }
  };

  it("gets from a strict repository what refs reach, and no more", async () => {
    await strict("loose");
    // All in one pack, and one bitmap that knows of hidden objects too.
    gitSync(["repack", "-a", "-d", "-b", "-q"], { cwd: pathOf("strict.git") });
    await strict("bitmaps");
  });
});

describe("object-info", () => {
  for (const format of OBJECT_FORMATS) {
    it(`tells git's bytes of every object, packed or not, ${format}`, async () => {
      const name = `sizes-${format}.git`;
      const path = join(root, name);
      const { unreachable } = smallRepository(path, { format });
      gitSync(["repack", "-a", "-d", "-f", "-q", "--depth=40"], { cwd: path });
      // Loose from here on: what is left, and two more, one of them damaged.
      const hash = (input: string): string =>
        gitSync(["hash-object", "-w", "--stdin"], { cwd: path, input }).trim();
      hash("more\n");
      const bad = hash("bad\n");
      const badPath = join(path, "objects", bad.slice(0, 2), bad.slice(2));
      chmodSync(badPath, 0o600);
      writeFileSync(badPath, "no object at all");
      const oids = [
        ...await objectSet(path),
        unreachable,
        bad,
        "0".repeat(unreachable.length),
        "ab".repeat(unreachable.length / 2),
      ];
      const args = ["size", ...oids.map((oid) => `oid ${oid}`)];
      const input = Buffer.concat([
        v2Command("object-info", format, args),
        toBuffer("0000"),
      ]);
      const theirs = await runSession({ path, protocol: 2, input }, "git");
      const ours = await runSession({ path, protocol: 2, input });
      const other = await ask(name as Name, input);
      const tail = (text: string): string =>
        text.slice(text.indexOf("\n0000") + 5);
      assert.ok(tail(theirs.stdout).length > oids.length * 40);
      assert.equal(tail(ours.stdout), tail(theirs.stdout));
      assert.equal(tail(other.toString("latin1")), tail(theirs.stdout));
    });
  }
});

describe("bundle-uri", () => {
  it("tells what is configured", async () => {
    // git 2.39 has no such command.
    if (SERVER === "git") return;
    const told = await ask("bundles.git", "0000");
    assert.ok(told.toString("latin1").endsWith("000fbundle-uri\n0000"));
    assert.equal(
      await answerOf("bundles.git", packets("command=bundle-uri", "0000")),
      toBuffer(packets(
        "bundle.version=1",
        "bundle.mode=all",
        "bundle.Daily.uri=https://example.com/daily.bundle",
        "bundle.Daily.creationtoken=3",
        "0000",
      )).toString("latin1"),
    );
  });
});

describe("v2 requests, whole and broken, answered as git does", () => {
  for (const name of ["plain.git", "rich.git"] as const) {
    for (const seed of [1, 5, 7]) {
      it(`from ${name}, seed ${seed}`, async () => {
        const sessions = new V2Sessions(seeded(seed), {
          objects: [good.main, good.tag, good.parent, good.blob],
          refs: ["refs/heads/main", "refs/tags/v1", "HEAD"],
          absentRefs: ["refs/heads/none", "refs/hidden/one", "refs/x..y"],
          features: name === "rich.git" ? "on" : "off",
        });
        const asked = Array.from({ length: 70 }, () => sessions.next());
        let broken = 0;
        await inParallel(asked, async (input) => {
          const session = { path: pathOf(name), protocol: 2, input } as const;
          const [ours, theirs] = await Promise.all([
            ask(name, input),
            runSession(session, "git"),
          ]);
          if (theirs.code !== 0) broken++;
          const text = JSON.stringify(input.toString("latin1"));
          assert.deepEqual(
            toldByUs(ours),
            toldByGit(theirs),
            `seed ${seed}: ${text}`,
          );
        });
        // Both kinds must have been among them.
        assert.ok(broken > 10 && broken < 60, `${broken} of 70 were broken`);
      });
    }
  }
});
