/**
 * Commands that receive-pack must refuse, or take although they are odd:
 * names, old values, what symrefs lead to, hooks that misbehave. What is
 * refused is refused in git's words, and changes nothing.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gitSync, tryGit } from "../support/git.ts";
import { PushPair, settings, type SetUp } from "../support/pushes/both.ts";
import {
  type RawCommand,
  rawPush,
  refIn,
  reportIn,
  ZERO,
} from "../support/pushes/raw_push.ts";
import { stateOf } from "../support/pushes/state.ts";
import { SERVER } from "../support/server.ts";
import { after, describe, it } from "../support/test.ts";
import {
  connectWire,
  converse,
  gitRequest,
  pkt,
} from "../support/wire_client.ts";

// Set up here, not in a hook: the tests below take these as constants.
const pair = await PushPair.start("bad-commands", ["--timeout=5"]);
const idOf = (name: string): string =>
  gitSync(["rev-parse", name], { cwd: pair.source }).trim();
const [MAIN, NEXT] = [idOf("main"), idOf("next")];
const PACK = Buffer.from(
  gitSync(["pack-objects", "--stdout", "--revs", "-q"], {
    cwd: pair.source,
    input: ["main", "next", "other", "v1"].map((each) => `${each}\n`).join(""),
  }),
  "latin1",
);
const NOTHING = new Uint8Array(0);
const BRANCH = "refs/heads/main";

after(() => pair.stop());

/** Our daemon's whole answer. */
async function said(directory: string, bytes: Uint8Array): Promise<Buffer> {
  const path = directory.slice(pair.root.length);
  const request = gitRequest(path, { service: "git-receive-pack" });
  return Buffer.from(
    await converse(pair.daemon.port, [request, bytes], {
      halfClose: true,
      deadline: 30_000,
    }),
  );
}

/** Both are told the same, and are left the same. */
async function alike(
  commands: readonly RawCommand[],
  setUp?: SetUp,
  pack: Uint8Array = PACK,
): Promise<{ report: readonly string[]; directory: string }> {
  const bytes = rawPush(commands, pack);
  const [own, theirs] = [pair.copy(setUp), pair.copy(setUp)];
  const report = reportIn(await said(own, bytes));
  const { stdout } = await tryGit(["receive-pack", theirs], { input: bytes });
  assert.deepEqual(report, reportIn(Buffer.from(stdout, "latin1")));
  assert.deepEqual(stateOf(own), stateOf(theirs));
  return { report, directory: own };
}

/** Objects of a repository, by id. */
function objectsOf(directory: string): string {
  const listing = ["cat-file", "--batch-all-objects", "--batch-check"];
  return gitSync(listing, { cwd: directory });
}

describe("a ref's name", () => {
  const names = [
    ...["refs/heads/../x", "..", "refs/heads/a.lock", "refs/heads/a@{0}"],
    ...["refs/heads/a\x07b", "refs/heads/a b", "refs/heads/a~1"],
    ...["refs/heads/a^", "refs/heads/a:b", "refs/heads/a\\b", "refs/heads/*"],
    ...["refs/heads/.a", "refs/heads/a.", "refs/heads/a//b", "refs/heads/a/"],
    ...["/refs/..", "HEAD", "x", "refs/x", "@", "config", "../../etc/x"],
  ];
  for (const name of names) {
    it(`${JSON.stringify(name)} is funny, and nothing is stored`, async () => {
      const directory = pair.copy();
      const before = [objectsOf(directory), stateOf(directory)];
      const push = rawPush([{ name, old: ZERO, new: NEXT }], PACK);
      const report = reportIn(await said(directory, push));
      assert.ok(report.includes(`ng ${name} funny refname`), `${report}`);
      if (SERVER === "git") return;
      assert.deepEqual([objectsOf(directory), stateOf(directory)], before);
    });
  }

  for (const name of ["refs/heads/-x", "refs/heads/@", "refs/heads/--exec=x"]) {
    it(`${name} is taken, and hooks get it as it is`, async () => {
      const { report, directory } = await alike(
        [{ name, old: ZERO, new: NEXT }],
        hook("update", 'echo "$1" >hooks.log'),
      );
      assert.deepEqual(report, ["unpack ok", `ok ${name}`]);
      assert.equal(
        readFileSync(join(directory, "hooks.log"), "latin1"),
        `${name}\n`,
      );
    });
  }

  it("that is not UTF-8 is taken or refused, and harms nobody", async () => {
    const directory = pair.copy();
    const name = "refs/heads/\xe9";
    const push = rawPush([{ name, old: ZERO, new: NEXT }], PACK);
    const report = reportIn(await said(directory, push));
    assert.match(report[1] ?? "", /^(ok|ng) refs\/heads\/\xe9/);
    gitSync(["fsck"], { cwd: directory });
  });

  for (
    const name of [
      `refs/heads/${"x".repeat(300)}`,
      `refs/heads/${"y/".repeat(2100)}y`,
    ]
  ) {
    it(`of ${name.length} bytes leaves no directories`, async () => {
      const directory = pair.copy();
      const push = rawPush([{ name, old: ZERO, new: NEXT }], PACK);
      const report = reportIn(await said(directory, push));
      assert.match(report[1] ?? "", /^ng refs\/heads\//);
      if (SERVER === "git") return;
      assert.ok(!existsSync(join(directory, "refs/heads/y")));
    });
  }

  for (const name of ["refs/heads/main/sub", "refs/heads/dir"]) {
    it(`${name} in the way of another is refused`, async () => {
      const { report } = await alike(
        [{ name, old: ZERO, new: NEXT }],
        (directory) =>
          gitSync(["update-ref", "refs/heads/dir/x", MAIN], { cwd: directory }),
      );
      assert.match(report[1] ?? "", /^ng /);
    });
  }

  it("in the way of another of the same push is refused", async () => {
    await alike([
      { name: "refs/heads/a", old: ZERO, new: NEXT },
      { name: "refs/heads/a/b", old: ZERO, new: NEXT },
    ]);
  });
});

describe("an old value", () => {
  const cases: readonly (readonly [string, RawCommand])[] = [
    ["that is another commit", { name: BRANCH, old: NEXT, new: NEXT }],
    ["of nothing for a ref that is there", {
      name: BRANCH,
      old: ZERO,
      new: NEXT,
    }],
    ["for a ref that is not there", {
      name: "refs/heads/new",
      old: MAIN,
      new: NEXT,
    }],
    ["that is also the new one", { name: BRANCH, old: MAIN, new: MAIN }],
    ["of nothing, and nothing new", {
      name: "refs/heads/no",
      old: ZERO,
      new: ZERO,
    }],
    ["for a deletion of what is not there", {
      name: "refs/heads/no",
      old: MAIN,
      new: ZERO,
    }],
  ];
  for (const [words, command] of cases) {
    it(`${words} is treated as git does`, async () => {
      await alike([command], undefined, command.new === ZERO ? NOTHING : PACK);
    });
  }

  it("is told apart for each of many", async () => {
    await alike([
      { name: BRANCH, old: NEXT, new: NEXT },
      { name: "refs/heads/one", old: ZERO, new: NEXT },
      { name: "refs/heads/two", old: MAIN, new: NEXT },
    ]);
  });
});

describe("a symref", () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ["to a branch", "refs/heads/alias", BRANCH],
    ["to nothing", "refs/heads/alias", "refs/heads/none"],
    ["to itself", "refs/heads/alias", "refs/heads/alias"],
  ];
  for (const [words, name, target] of cases) {
    it(`${words} is written through as git does`, async () => {
      await alike(
        [{ name, old: target === BRANCH ? MAIN : ZERO, new: NEXT }],
        (directory) => {
          mkdirSync(join(directory, "refs/heads"), { recursive: true });
          writeFileSync(join(directory, name), `ref: ${target}\n`);
        },
      );
    });
  }

  it("that leads out of the refs never leads anywhere", async () => {
    const setUp: SetUp = (directory) =>
      writeFileSync(
        join(directory, "refs/heads/alias"),
        "ref: ../../config\n",
      );
    const directory = pair.copy(setUp);
    const config = readFileSync(join(directory, "config"), "latin1");
    const push = rawPush(
      [{ name: "refs/heads/alias", old: ZERO, new: NEXT }],
      PACK,
    );
    const report = reportIn(await said(directory, push));
    assert.match(report[1] ?? "", /^ng refs\/heads\/alias /);
    assert.equal(readFileSync(join(directory, "config"), "latin1"), config);
  });
});

describe("a ref to nothing", () => {
  const lost = "34".repeat(20);
  const name = "refs/heads/lost";
  for (const old of [lost, MAIN]) {
    it(`is taken away whatever it is: ${old.slice(0, 7)}`, async () => {
      const { report } = await alike(
        [{ name, old, new: ZERO }],
        (directory) => writeFileSync(join(directory, name), `${lost}\n`),
        NOTHING,
      );
      assert.equal(report[0], "unpack ok");
    });
  }
});

describe("a push", () => {
  it("of a blob to a branch is refused", async () => {
    const tree = idOf("main^{tree}");
    const { report } = await alike([
      { name: "refs/heads/tree", old: ZERO, new: tree },
    ]);
    assert.match(report[1] ?? "", /^ng /);
  });

  it("that only deletes waits for no pack", async () => {
    const directory = pair.copy();
    const client = await connectWire(pair.daemon.port);
    const path = directory.slice(pair.root.length);
    await client.send(gitRequest(path, { service: "git-receive-pack" }));
    // The connection stays open for writing.
    await client.send(
      rawPush([{ name: BRANCH, old: MAIN, new: ZERO }], NOTHING),
    );
    const report = reportIn(await client.untilClosed(10_000));
    assert.equal(report[0], "unpack ok");
  });

  it("of 10,000 refs is taken", async () => {
    const commands = Array.from({ length: 10_000 }, (_, i) => ({
      name: `refs/heads/many/${i}`,
      old: ZERO,
      new: NEXT,
    }));
    const directory = pair.copy();
    const report = reportIn(await said(directory, rawPush(commands, PACK)));
    assert.equal(
      report.filter((line) => line.startsWith("ok ")).length,
      10_000,
    );
    assert.equal(refIn(directory, "refs/heads/many/9999"), NEXT);
  });

  it("with more bytes of commands than are allowed is refused", async () => {
    if (SERVER === "git") return;
    const directory = pair.copy(settings("gitsrv.maxCommandBytes=1000"));
    const commands = Array.from({ length: 100 }, (_, i) => ({
      name: `refs/heads/many/${i}`,
      old: ZERO,
      new: NEXT,
    }));
    const output = await said(directory, rawPush(commands, PACK));
    assert.ok(!output.toString("latin1").includes("ok refs"));
    assert.equal(refIn(directory, "refs/heads/many/1"), "");
  });

  for (
    const [words, line] of [
      ["with a word for an id", `main ${NEXT} refs/heads/x\0 report-status`],
      ["with 39 digits", `${MAIN.slice(1)} ${NEXT} refs/heads/x`],
      ["without a name", `${MAIN} ${NEXT}`],
      ["of nothing", ""],
      ["of one word", "hello"],
    ] as const
  ) {
    it(`${words} is refused as malformed`, async () => {
      const directory = pair.copy();
      const before = stateOf(directory);
      const bytes = Buffer.concat([pkt(line), Buffer.from("0000"), PACK]);
      const output = await said(directory, bytes);
      assert.ok(!output.toString("latin1").includes("ok refs"));
      assert.deepEqual(stateOf(directory), before);
    });
  }

  it("with a certificate is refused", async () => {
    const directory = pair.copy();
    const bytes = Buffer.concat([
      pkt("push-cert\0 report-status"),
      pkt("certificate version 0.1\n"),
      pkt("push-cert-end\n"),
      Buffer.from("0000"),
      PACK,
    ]);
    const output = await said(directory, bytes);
    assert.ok(!output.toString("latin1").includes("ok refs"));
  });
});

function hook(name: string, script: string, mode = 0o755): SetUp {
  return (directory) => {
    const path = join(directory, "hooks", name);
    mkdirSync(join(directory, "hooks"), { recursive: true });
    writeFileSync(
      path,
      script.startsWith("#!") ? script : `#!/bin/sh\n${script}\n`,
    );
    chmodSync(path, mode);
  };
}

describe("a hook", () => {
  const one = [{ name: BRANCH, old: MAIN, new: NEXT }];
  for (
    const [words, name, script] of [
      ["that fails", "pre-receive", "exit 1"],
      ["that is killed", "pre-receive", "kill -9 $$"],
      ["that never reads", "pre-receive", "exec <&-; exit 0"],
      ["that ends before it reads", "pre-receive", "exit 0"],
      ["without its interpreter", "pre-receive", "#!/nowhere/sh\nexit 0\n"],
      ["update that is killed", "update", "kill -9 $$"],
      ["that says much", "pre-receive", "yes | head -c 3000000; exit 0"],
    ] as const
  ) {
    it(`${words} counts as with git`, async () => {
      await alike(one, hook(name, script));
    });
  }

  it("that may not be executed is passed over", async () => {
    await alike(one, hook("pre-receive", "exit 1", 0o644));
  });

  it("that leaves a child behind does not hold the push", async () => {
    const directory = pair.copy(
      hook("post-receive", "sleep 30 >/dev/null 2>&1 </dev/null &"),
    );
    const report = reportIn(await said(directory, rawPush(one, PACK)));
    assert.deepEqual(report, ["unpack ok", `ok ${BRANCH}`]);
  });

  it("cannot write to the terminal of who pushes", async () => {
    if (SERVER === "git") return;
    const directory = pair.copy(
      hook(
        "pre-receive",
        "printf '\\033]0;title\\007 and \\033[31mred\\033[m\\n'",
      ),
    );
    const push = rawPush(one, PACK, "report-status side-band-64k");
    const text = (await said(directory, push)).toString("latin1");
    assert.ok(!text.includes("\x1b]0;") && !text.includes("\x07"), text);
  });
});
