/**
 * Every feature of receive-pack and every hook, a row each, with git's own
 * client, beside git's own program. What goes deeper has tests of its own;
 * that all rows stand is read here.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { FeatureRow } from "../support/feature_world.ts";
import { gitSync, tryGit } from "../support/git.ts";
import { itInParallel } from "../support/git_jobs.ts";
import { PushPair, settings, type SetUp } from "../support/pushes/both.ts";
import { rawPush, refIn, reportIn, ZERO } from "../support/pushes/raw_push.ts";
import { SERVER } from "../support/server.ts";
import { withoutIdentity } from "../support/server_session.ts";
import { after, describe } from "../support/test.ts";
import { converse, gitRequest } from "../support/wire_client.ts";

// Set up here, not in a hook: the rows below take these as constants.
const pair = await PushPair.start("features-push");
const idOf = (name: string): string =>
  gitSync(["rev-parse", name], { cwd: pair.source }).trim();
const [MAIN, NEXT, OTHER] = [idOf("main"), idOf("next"), idOf("other")];

after(() => pair.stop());

function packOf(...revs: readonly string[]): Uint8Array {
  const input = `${revs.join("\n")}\n`;
  const making = ["pack-objects", "--stdout", "--revs", "-q"];
  return Buffer.from(gitSync(making, { cwd: pair.source, input }), "latin1");
}

/** What our daemon says to raw bytes. */
async function said(directory: string, bytes: Uint8Array): Promise<Buffer> {
  const path = directory.slice(pair.root.length);
  const request = gitRequest(path, { service: "git-receive-pack" });
  return Buffer.from(
    await converse(pair.daemon.port, [request, bytes], { halfClose: true }),
  );
}

async function capabilitiesOf(setUp?: SetUp): Promise<string[]> {
  const directory = pair.copy(setUp);
  const text = (await said(directory, Buffer.from("0000"))).toString("latin1");
  const { stdout } = await tryGit(["receive-pack", directory], {
    input: "0000",
  });
  assert.equal(withoutIdentity(text), withoutIdentity(stdout));
  return (text.split("\0")[1]?.split("\n")[0] ?? "").trim().split(" ");
}

function advertised(capability: string, setUp?: SetUp): FeatureRow {
  return {
    row: `${capability} is advertised`,
    async shows() {
      const list = await capabilitiesOf(setUp);
      assert.ok(
        list.some((each) => each.split("=")[0] === capability),
        list.join(" "),
      );
    },
  };
}

function hook(name: string, script: string): SetUp {
  return (directory) => {
    const path = join(directory, "hooks", name);
    mkdirSync(join(directory, "hooks"), { recursive: true });
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
  };
}

function all(...steps: readonly SetUp[]): SetUp {
  return (directory) => steps.forEach((step) => step(directory));
}

const set = (name: string, to: string): SetUp => (directory) => {
  gitSync(["fetch", "--quiet", pair.source, `${to}:${name}`], {
    cwd: directory,
  });
};

const BRANCH = "refs/heads/main";

const PROTOCOL: readonly FeatureRow[] = [
  ...["report-status", "report-status-v2", "delete-refs", "side-band-64k"].map(
    (name) => advertised(name),
  ),
  ...["quiet", "atomic", "ofs-delta", "object-format"].map((name) =>
    advertised(name)
  ),
  advertised("push-options", settings("receive.advertisePushOptions=true")),
  advertised("session-id", settings("transfer.advertiseSID=true")),
  {
    row: "atomic and ofs-delta can be turned off",
    async shows() {
      const off = settings(
        "receive.advertiseAtomic=false",
        "repack.useDeltaBaseOffset=false",
      );
      const list = await capabilitiesOf(off);
      assert.ok(!list.includes("atomic") && !list.includes("ofs-delta"));
    },
  },
  {
    row: "report-status: an update is told and made",
    async shows() {
      const { code, state } = await pair.push(["next:main"]);
      assert.equal(code, 0);
      assert.equal(state[BRANCH]?.trim(), NEXT);
    },
  },
  {
    row: "report-status-v2 is answered",
    async shows() {
      const bytes = rawPush(
        [{ name: BRANCH, old: MAIN, new: NEXT }],
        packOf(NEXT, `^${MAIN}`),
        "report-status-v2",
      );
      const report = reportIn(await said(pair.copy(), bytes));
      assert.deepEqual(report, ["unpack ok", `ok ${BRANCH}`]);
    },
  },
  {
    row: "delete-refs: a branch is deleted, and a missing one is no error",
    async shows() {
      const { state } = await pair.push(
        [":gone"],
        set("refs/heads/gone", "next"),
      );
      assert.equal(state["refs/heads/gone"], undefined);
      const bytes = rawPush(
        [{ name: "refs/heads/never", old: ZERO, new: ZERO }],
        new Uint8Array(0),
      );
      const report = reportIn(await said(pair.copy(), bytes));
      assert.deepEqual(report, ["unpack ok", "ok refs/heads/never"]);
    },
  },
  {
    row: "side-band-64k carries the hooks' words",
    async shows() {
      const { words } = await pair.push(
        ["next:main"],
        hook("pre-receive", "echo hello; echo there >&2"),
      );
      assert.equal(words, "remote: hello\nremote: there");
    },
  },
  {
    row: "quiet",
    async shows() {
      const { words } = await pair.push(["next:main"], undefined, ["--quiet"]);
      assert.equal(words, "");
    },
  },
  {
    row: "atomic: one refusal refuses all",
    async shows() {
      const { code, state } = await pair.push(
        ["+other:side", "next:refs/heads/new"],
        all(
          set("refs/heads/side", "next"),
          settings("receive.denyNonFastForwards=true"),
        ),
        ["--atomic"],
      );
      assert.notEqual(code, 0);
      assert.equal(state["refs/heads/new"], undefined);
    },
  },
  {
    row: "push-options reach the hooks",
    async shows() {
      const { state } = await pair.push(
        ["next:main"],
        all(
          settings("receive.advertisePushOptions=true"),
          hook("post-receive", "env | grep ^GIT_PUSH_OPTION | sort >hooks.log"),
        ),
        ["-o", "one", "-o", "two=2"],
      );
      assert.equal(
        state["hooks.log"],
        "GIT_PUSH_OPTION_0=one\nGIT_PUSH_OPTION_1=two=2\n" +
          "GIT_PUSH_OPTION_COUNT=2\n",
      );
    },
  },
  {
    row: "object-format: another one is refused",
    async shows() {
      const bytes = rawPush(
        [{ name: BRANCH, old: MAIN, new: NEXT }],
        packOf(NEXT, `^${MAIN}`),
        "report-status object-format=sha256",
      );
      const directory = pair.copy();
      const text = (await said(directory, bytes)).toString("latin1");
      assert.doesNotMatch(text, /ok refs/);
      assert.equal(refIn(directory, BRANCH), MAIN);
    },
  },
  {
    row: ".have lines of alternates",
    async shows() {
      const setUp: SetUp = (directory) => {
        const lender = join(directory, "lender.git");
        gitSync(["clone", "--quiet", "--bare", pair.source, lender]);
        mkdirSync(join(directory, "objects/info"), { recursive: true });
        writeFileSync(
          join(directory, "objects/info/alternates"),
          `${join(lender, "objects")}\n`,
        );
      };
      const directory = pair.copy(setUp);
      const text = (await said(directory, Buffer.from("0000")))
        .toString("latin1");
      assert.ok(text.includes(`${NEXT} .have`), text);
      assert.ok(text.includes(`${OTHER} .have`), text);
    },
  },
  {
    row: "shallow pushes and receive.shallowUpdate",
    async shows() {
      const shallow = join(pair.root, "shallow.git");
      gitSync([
        ...["clone", "--quiet", "--bare", "--depth=1", "--branch=next"],
        ...[`file://${pair.source}`, shallow],
      ]);
      for (const isTaken of [false, true]) {
        const outcomes = [pair.copy(), pair.copy()].map((directory, i) => {
          gitSync(["update-ref", "-d", BRANCH], { cwd: directory });
          gitSync(["gc", "--quiet", "--prune=now"], { cwd: directory });
          settings(`receive.shallowUpdate=${isTaken}`)(directory);
          const url = i === 0
            ? directory
            : pair.daemon.url(directory.slice(pair.root.length));
          return { directory, url };
        });
        const codes = await Promise.all(
          outcomes.map(async ({ url, directory }) => {
            const args = ["push", "--porcelain", url, "next:main"];
            const { code, stdout } = await tryGit(args, { cwd: shallow });
            const file = join(directory, "shallow");
            return [
              code,
              stdout.replaceAll(url, "URL"),
              existsSync(file) ? readFileSync(file, "latin1") : "",
              refIn(directory, BRANCH),
            ];
          }),
        );
        assert.deepEqual(codes[1], codes[0]);
        assert.equal(codes[1]?.[0], isTaken ? 0 : 1);
      }
    },
  },
  {
    row: "a wrong old value changes nothing",
    async shows() {
      const bytes = rawPush(
        [{ name: BRANCH, old: OTHER, new: NEXT }],
        packOf(NEXT, `^${MAIN}`),
      );
      const [own, theirs] = [pair.copy(), pair.copy()];
      const report = reportIn(await said(own, bytes));
      const like = await tryGit(["receive-pack", theirs], { input: bytes });
      assert.deepEqual(report, reportIn(Buffer.from(like.stdout, "latin1")));
      assert.match(report[1] ?? "", /^ng /);
      assert.equal(refIn(own, BRANCH), MAIN);
    },
  },
  {
    row: "names that can never be refs are refused, and nothing is stored",
    async shows() {
      const directory = pair.copy();
      const before = objectsOf(directory);
      const bytes = rawPush(
        [{ name: "refs/heads/a..b", old: ZERO, new: OTHER }],
        packOf(OTHER, `^${MAIN}`),
      );
      const report = reportIn(await said(directory, bytes));
      assert.ok(
        report.includes("ng refs/heads/a..b funny refname"),
        `${report}`,
      );
      assert.deepEqual(objectsOf(directory), before);
    },
  },
  {
    row: "connectivity is checked before any ref is updated",
    async shows() {
      const bytes = rawPush(
        [{ name: "refs/heads/new", old: ZERO, new: NEXT }],
        // The tree alone.
        Buffer.from(
          gitSync(["pack-objects", "--stdout", "-q"], {
            cwd: pair.source,
            input: `${idOf("next^{tree}")}\n`,
          }),
          "latin1",
        ),
      );
      const directory = pair.copy();
      const report = reportIn(await said(directory, bytes));
      assert.deepEqual(report, [
        "unpack ok",
        "ng refs/heads/new missing necessary objects",
      ]);
      assert.equal(refIn(directory, "refs/heads/new"), "");
    },
  },
];

function objectsOf(directory: string): string[] {
  const listing = ["cat-file", "--batch-all-objects", "--batch-check"];
  return gitSync(listing, { cwd: directory }).split("\n");
}

const TAKING: readonly FeatureRow[] = [
  {
    row: "thin packs are completed",
    async shows() {
      const { directory } = await pair.push(
        ["next:main"],
        settings("receive.unpackLimit=1"),
        ["--thin"],
      );
      gitSync(["fsck", "--strict"], { cwd: directory });
    },
  },
  {
    row: "unpackLimit: loose objects below it, a pack from it on",
    async shows() {
      const loose = await pair.push(["next:main"]);
      const packed = await pair.push(
        ["next:main"],
        settings("receive.unpackLimit=1"),
      );
      const packs = (directory: string) =>
        readdirSync(join(directory, "objects/pack"))
          .filter((name) => name.endsWith(".pack")).length;
      assert.equal(packs(loose.directory) + 1, packs(packed.directory));
    },
  },
  {
    row: "the quarantine is where hooks find the objects",
    async shows() {
      const { state } = await pair.push(
        ["next:main"],
        hook(
          "pre-receive",
          `git cat-file -t ${NEXT} >hooks.log
           basename "$GIT_QUARANTINE_PATH" | cut -c1-20 >>hooks.log
           git update-ref refs/heads/x ${NEXT} 2>/dev/null || echo no >>hooks.log`,
        ),
      );
      assert.equal(state["hooks.log"], "commit\ntmp_objdir-incoming-\nno\n");
    },
  },
  {
    row: "fsckObjects, receive.fsck.<msg-id>, skipList",
    async shows() {
      const bad = gitSync(
        ["hash-object", "-t", "commit", "-w", "--stdin", "--literally"],
        {
          cwd: pair.source,
          input: `tree ${idOf("main^{tree}")}\nauthor a 1 +0000\n` +
            "committer b <b> 1 +0000\n\nbad\n",
        },
      ).trim();
      const args = [`${bad}:refs/heads/bad`];
      const on = "receive.fsckObjects=true";
      const refused = await pair.push(args, settings(on));
      assert.notEqual(refused.code, 0);
      assert.match(refused.words, new RegExp(`object ${bad}: missingEmail`));
      const warned = await pair.push(
        args,
        settings(on, "receive.fsck.missingEmail=warn"),
      );
      assert.equal(warned.code, 0);
      const list = join(pair.root, "skip");
      writeFileSync(list, `# known\n${bad}\n`);
      const skipped = await pair.push(
        args,
        settings(on, `receive.fsck.skipList=${list}`),
      );
      assert.equal(skipped.code, 0);
    },
  },
  {
    row: "receive.maxInputSize",
    async shows() {
      const bytes = rawPush(
        [{ name: BRANCH, old: MAIN, new: NEXT }],
        packOf(NEXT, `^${MAIN}`),
      );
      for (const limit of ["1", "4"]) {
        const directory = pair.copy(
          settings("receive.maxInputSize=20", `receive.unpackLimit=${limit}`),
        );
        const report = reportIn(await said(directory, bytes));
        assert.match(report[0] ?? "", /^unpack /);
        assert.equal(report[1], `ng ${BRANCH} unpacker error`);
        assert.equal(refIn(directory, BRANCH), MAIN);
      }
    },
  },
];

const POLICY: readonly FeatureRow[] = [
  {
    row: "denyDeletes",
    async shows() {
      const { out } = await pair.push(
        [":gone"],
        all(
          set("refs/heads/gone", "next"),
          settings("receive.denyDeletes=true"),
        ),
      );
      assert.match(out, /deletion prohibited/);
    },
  },
  {
    row: "denyNonFastForwards",
    async shows() {
      const { out } = await pair.push(
        ["+other:side"],
        all(
          set("refs/heads/side", "next"),
          settings("receive.denyNonFastForwards=true"),
        ),
      );
      assert.match(out, /non-fast-forward/);
    },
  },
  ...["refuse", "warn", "ignore"].map((value): FeatureRow => ({
    row: `denyCurrentBranch=${value}`,
    async shows() {
      const { code } = await pair.push(
        ["next:main"],
        settings("core.bare=false", `receive.denyCurrentBranch=${value}`),
      );
      assert.equal(code === 0, value !== "refuse");
    },
  })),
  ...["refuse", "warn", "ignore"].map((value): FeatureRow => ({
    row: `denyDeleteCurrent=${value}`,
    async shows() {
      const { code } = await pair.push(
        [":main"],
        settings(`receive.denyDeleteCurrent=${value}`),
      );
      assert.equal(code === 0, value !== "refuse");
    },
  })),
  {
    row: "receive.updateServerInfo",
    async shows() {
      const { directory } = await pair.push(
        ["next:main"],
        settings("receive.updateServerInfo=true"),
      );
      const info = readFileSync(join(directory, "info/refs"), "latin1");
      assert.equal(info, `${NEXT}\t${BRANCH}\n`);
    },
  },
  {
    row: "receive.hideRefs",
    async shows() {
      const { out } = await pair.push(
        ["next:refs/secret/x"],
        settings("receive.hideRefs=refs/secret"),
      );
      assert.match(out, /deny updating a hidden ref/);
    },
  },
  {
    row: "two updates of one ref, and by an alias",
    async shows() {
      const pack = packOf(NEXT, OTHER, `^${MAIN}`);
      const twice = [NEXT, OTHER].map((to) => ({
        name: BRANCH,
        old: MAIN,
        new: to,
      }));
      const aliased = [twice[0], {
        name: "refs/heads/alias",
        old: MAIN,
        new: OTHER,
      }];
      for (const commands of [twice, aliased]) {
        const bytes = rawPush(commands.filter((each) => !!each), pack);
        const setUp: SetUp = (directory) => {
          gitSync(["symbolic-ref", "refs/heads/alias", BRANCH], {
            cwd: directory,
          });
        };
        const [own, theirs] = [pair.copy(setUp), pair.copy(setUp)];
        const report = reportIn(await said(own, bytes));
        const like = await tryGit(["receive-pack", theirs], { input: bytes });
        assert.deepEqual(report, reportIn(Buffer.from(like.stdout, "latin1")));
        assert.equal(refIn(own, BRANCH), refIn(theirs, BRANCH));
      }
    },
  },
];

const HOOKS: readonly FeatureRow[] = [
  {
    row: "pre-receive: its input, and its refusal",
    async shows() {
      const kept = await pair.push(
        ["next:main", "other:new"],
        hook("pre-receive", "cat >hooks.log"),
      );
      assert.equal(
        kept.state["hooks.log"],
        `${MAIN} ${NEXT} ${BRANCH}\n${ZERO} ${OTHER} refs/heads/new\n`,
      );
      const refused = await pair.push(
        ["next:main"],
        hook("pre-receive", "exit 1"),
      );
      assert.match(refused.out, /pre-receive hook declined/);
    },
  },
  {
    row: "update: its arguments, and its refusal of one ref",
    async shows() {
      const { out, state } = await pair.push(
        ["next:main", "other:new"],
        hook("update", 'echo "$@" >>hooks.log; test "$1" = refs/heads/new'),
      );
      assert.match(out, /hook declined/);
      assert.equal(
        state["hooks.log"],
        `${BRANCH} ${MAIN} ${NEXT}\nrefs/heads/new ${ZERO} ${OTHER}\n`,
      );
      assert.equal(state[BRANCH]?.trim(), MAIN);
      assert.equal(state["refs/heads/new"]?.trim(), OTHER);
    },
  },
  {
    row: "post-receive: what was updated, and its end does not matter",
    async shows() {
      const { code, state } = await pair.push(
        ["next:main"],
        hook("post-receive", "cat >hooks.log; exit 1"),
      );
      assert.equal(code, 0);
      assert.equal(state["hooks.log"], `${MAIN} ${NEXT} ${BRANCH}\n`);
    },
  },
  {
    row: "post-update: the refs as arguments",
    async shows() {
      const { state } = await pair.push(
        ["next:main", "other:new"],
        hook("post-update", 'echo "$@" >hooks.log'),
      );
      assert.equal(state["hooks.log"], `${BRANCH} refs/heads/new\n`);
    },
  },
  {
    row: "reference-transaction: prepared and committed, and it can abort",
    async shows() {
      const script = 'echo "$1" >>hooks.log; cat >>hooks.log';
      const { state } = await pair.push(
        ["next:main"],
        hook("reference-transaction", script),
      );
      const line = `${MAIN} ${NEXT} ${BRANCH}\n`;
      assert.ok(state["hooks.log"]?.includes(`prepared\n${line}`));
      assert.ok(state["hooks.log"]?.includes(`committed\n${line}`));
      // git itself dies there, and its client is told nothing.
      const directory = pair.copy(
        hook("reference-transaction", 'test "$1" != prepared'),
      );
      const bytes = rawPush(
        [{ name: BRANCH, old: MAIN, new: NEXT }],
        packOf(NEXT, `^${MAIN}`),
      );
      const report = reportIn(await said(directory, bytes));
      if (SERVER === "ours") {
        assert.deepEqual(report, [
          "unpack ok",
          `ng ${BRANCH} failed to update ref`,
        ]);
      }
      assert.equal(refIn(directory, BRANCH), MAIN);
    },
  },
];

describe("receive-pack", () => {
  rows([...PROTOCOL, ...TAKING, ...POLICY]);
});

describe("hooks", () => {
  rows(HOOKS);
});

function rows(list: readonly FeatureRow[]): void {
  itInParallel(list.map(({ row, shows }) => ({ title: row, run: shows })));
}
