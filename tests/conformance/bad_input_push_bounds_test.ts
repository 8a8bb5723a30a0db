/**
 * What a push asks beside its pack, at its bounds: many commands, long names,
 * push options, and hooks that do not end, do not read or say too much.
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
import { gitSync } from "../support/git.ts";
import { PackTrial } from "../support/pushes/pack_trial.ts";
import { rawPack } from "../support/pushes/raw_pack.ts";
import {
  type RawCommand,
  rawPush,
  refIn,
  reportIn,
  ZERO,
} from "../support/pushes/raw_push.ts";
import { eventually, SERVER } from "../support/server.ts";
import { after, describe, it } from "../support/test.ts";
import {
  connectWire,
  gitRequest,
  packets,
  pkt,
} from "../support/wire_client.ts";

// Set up here, not in a hook: the tests below take these as constants.
const trial = await PackTrial.start("push-bounds", {
  args: SERVER === "git" ? [] : ["--hook-timeout=2"],
});
const { good } = trial;

after(() => trial.stop());

const EMPTY = rawPack([]);
const BANDS = "report-status side-band-64k";
const BRANCH = "refs/heads/main";
const toMain = (name: string): RawCommand => ({
  name,
  old: ZERO,
  new: good.main,
});

function set(repository: string, key: string, value: string): void {
  gitSync(["config", key, value], { cwd: trial.path(repository) });
}

function hook(repository: string, name: string, script: string): void {
  const directory = join(trial.path(repository), "hooks");
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(directory, name), 0o755);
}

/** What nobody may find afterwards. */
function assertNoLitter(repository: string): void {
  const names = readdirSync(join(trial.path(repository), "objects"));
  assert.deepEqual(names.filter((each) => each.startsWith("tmp_")), []);
}

describe("commands", () => {
  it("by the ten thousand are carried out", async () => {
    if (SERVER === "git") return;
    const copy = trial.copy("packed.git");
    const count = 30_000;
    const push = rawPush(
      Array.from({ length: count }, (_, i) => toMain(`refs/many/${i}`)),
      EMPTY,
    );
    const { report } = await trial.send(copy, push);
    const isOk = (line: string) => line.startsWith("ok ");
    assert.equal(report.filter(isOk).length, count);
    const directory = trial.path(copy);
    assert.equal(refIn(directory, "refs/many/29999"), good.main);
    // In one file, not in as many as there are refs.
    assert.ok(!existsSync(join(directory, "refs/many/1")));
  });

  it("of more bytes than are allowed are refused in words", async () => {
    if (SERVER === "git") return;
    const copy = trial.copy("packed.git");
    set(copy, "gitsrv.maxCommandBytes", "10000");
    const before = trial.filesOf(copy);
    const commands = Array.from(
      { length: 20_000 },
      (_, i) => toMain(`refs/many/${i}`),
    );
    for (const capabilities of [BANDS, "report-status"]) {
      const push = rawPush(commands, EMPTY, capabilities);
      const { text } = await trial.send(copy, push);
      assert.match(text, /too many bytes of commands \(limit 10000\)/);
      assert.deepEqual(trial.filesOf(copy), before);
    }
  });

  it("with many long names leave no directories", async () => {
    if (SERVER === "git") return;
    const names = Array.from({ length: 40 }, (_, i) => [
      `refs/heads/${i}/${"y/".repeat(2100)}y`,
      `refs/heads/z${i}/${"x".repeat(300)}`,
    ]).flat();
    const push = rawPush(names.map(toMain), EMPTY);
    const before = trial.filesOf("packed.git");
    const copies = ["one", "two", "three"].map(() => trial.copy("packed.git"));
    const outcomes = await Promise.all(
      copies.map((copy) => trial.send(copy, push)),
    );
    for (const [i, { report }] of outcomes.entries()) {
      const refused = report.filter((line) => /^ng refs\/heads/.test(line));
      assert.equal(refused.length, names.length);
      assert.deepEqual(trial.filesOf(copies[i] as string), before);
    }
  });
});

describe("push options", () => {
  const push = (options: readonly string[], capabilities: string) =>
    Buffer.concat([
      rawPush([toMain("refs/heads/new")], new Uint8Array(0), capabilities),
      ...options.map((each) => pkt(each)),
      packets("0000"),
      EMPTY,
    ]);
  const asked = `${BANDS} push-options`;

  function repository(): string {
    const copy = trial.copy("packed.git");
    set(copy, "receive.advertisePushOptions", "true");
    hook(
      copy,
      "post-receive",
      'echo "$GIT_PUSH_OPTION_COUNT:$GIT_PUSH_OPTION_0" >hooks.log',
    );
    return copy;
  }
  const logOf = (copy: string): string =>
    readFileSync(join(trial.path(copy), "hooks.log"), "latin1");

  it("with line feeds are one each, without the last", async () => {
    const copy = repository();
    const { text } = await trial.send(copy, push(["a\nb\n", "c"], asked));
    assert.match(text, /ok refs\/heads\/new/);
    assert.equal(logOf(copy), "2:a\nb\n");
  });

  it("that were not offered are no options", async () => {
    const copy = trial.copy("packed.git");
    const before = trial.filesOf(copy);
    const { text } = await trial.send(copy, push(["a"], asked));
    assert.doesNotMatch(text, /ok refs/);
    assert.deepEqual(trial.filesOf(copy), before);
  });

  for (
    const [words, options] of [
      ["of more than 1 MB", Array(20).fill("x".repeat(60_000))],
      ["by the hundred thousand", Array(100_000).fill("x")],
    ] as const
  ) {
    it(`${words} are refused in words`, async () => {
      // git takes as many as its memory and the hook's environment do.
      if (SERVER === "git") return;
      const copy = repository();
      const before = trial.filesOf(copy);
      const { text } = await trial.send(copy, push(options, asked));
      assert.match(text, /fatal: receive-pack: too many push options/);
      assert.deepEqual(trial.filesOf(copy), before);
    });
  }
});

describe("a hook", () => {
  const push = (capabilities = BANDS) =>
    rawPush([toMain("refs/heads/new")], EMPTY, capabilities);

  for (const name of ["pre-receive", "update"]) {
    it(`${name} that does not end is ended, which refuses`, async () => {
      if (SERVER === "git") return;
      const copy = trial.copy("packed.git");
      const before = trial.filesOf(copy);
      hook(copy, name, "sleep 1000 & sleep 1000");
      const { text } = await trial.send(copy, push());
      assert.match(text, /took more than 2 s/);
      assert.match(text, /ng refs\/heads\/new (pre-receive )?hook declined/);
      assert.equal(refIn(trial.path(copy), "refs/heads/new"), "");
      assertNoLitter(copy);
      const others = trial.filesOf(copy).filter((file) =>
        !file.startsWith("hooks")
      );
      if (name === "pre-receive") assert.deepEqual(others, before);
    });
  }

  it("post-receive that does not end takes nothing back", async () => {
    if (SERVER === "git") return;
    const copy = trial.copy("packed.git");
    hook(copy, "post-receive", "sleep 1000");
    const { text } = await trial.send(copy, push());
    assert.match(text, /ok refs\/heads\/new/);
    assert.equal(refIn(trial.path(copy), "refs/heads/new"), good.main);
  });

  it("is ended when its client leaves", async () => {
    if (SERVER === "git") return;
    const copy = trial.copy("packed.git");
    const marker = join(trial.path(copy), "begun");
    hook(copy, "pre-receive", `echo $$ >${marker}; exec sleep 1000`);
    const client = await connectWire(trial.daemon.port);
    await client.send(
      gitRequest(`/${copy}`, { service: "git-receive-pack" }),
      push(),
    );
    await eventually("the hook has begun", () => existsSync(marker));
    client.reset();
    await eventually(
      "nothing is left",
      () =>
        !readdirSync(join(trial.path(copy), "objects"))
          .some((each) => each.startsWith("tmp_")),
    );
    assert.equal(refIn(trial.path(copy), "refs/heads/new"), "");
    const pid = readFileSync(marker, "latin1").trim();
    await eventually("the hook is gone", () => !existsSync(`/proc/${pid}`));
  });

  it("that never reads a long list is not waited for", async () => {
    const copy = trial.copy("packed.git");
    hook(copy, "pre-receive", "exec <&-; exit 0");
    const commands = Array.from(
      { length: 3000 },
      (_, i) => toMain(`refs/many/${i}`),
    );
    const { report } = await trial.send(copy, rawPush(commands, EMPTY));
    assert.equal(report.length, 3001);
    assert.equal(report[1], "ok refs/many/0");
  });

  it("may say 4 MB, which a client takes as it can", async () => {
    if (SERVER === "git") return;
    const copy = trial.copy("packed.git");
    hook(copy, "pre-receive", "head -c 4000000 /dev/zero | tr '\\0' x");
    set(copy, "gitsrv.fsync", "off");
    const before = trial.peakMemory();
    const { text } = await trial.send(copy, push());
    assert.ok(text.length > 4_000_000, `${text.slice(-200)}`);
    assert.match(text.slice(-200), /ok refs\/heads\/new/);
    assert.ok(trial.peakMemory() - before < 100_000_000);
  });

  it("may say much to nobody, of which the log gets some", async () => {
    if (SERVER === "git") return;
    const copy = trial.copy("packed.git");
    hook(copy, "pre-receive", "yes spam | head -c 2000000");
    const before = trial.daemon.log().length;
    const { report } = await trial.send(copy, push("report-status"));
    assert.deepEqual(report, ["unpack ok", "ok refs/heads/new"]);
    assert.ok(trial.daemon.log().length - before < 1_000_000);
  });

  it("says nothing that moves a terminal, or a line of the report", async () => {
    if (SERVER === "git") return;
    const copy = trial.copy("packed.git");
    const long = "y".repeat(65_536);
    hook(
      copy,
      "pre-receive",
      `printf '\\033]0;title\\007\\rok refs/x\\n\\377\\376 ${long}\\n'`,
    );
    const twin = trial.copy(copy);
    const { text } = await trial.send(copy, push());
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(text, /\x1b\]|\x07/);
    assert.match(text, /ok refs\/heads\/new/);
    const without = await trial.send(twin, push("report-status"));
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(trial.daemon.log(), /\x1b|\x07|\r/);
    assert.deepEqual(without.report, ["unpack ok", "ok refs/heads/new"]);
  });
});

describe("a name", () => {
  it("in the report, in words and in the log breaks no line", async () => {
    const copy = trial.copy("packed.git");
    const name = "refs/heads/a\nok refs/heads/main\x1b]0;t\x07";
    const { text } = await trial.send(copy, rawPush([toMain(name)], EMPTY));
    assert.equal(refIn(trial.path(copy), BRANCH), good.main);
    if (SERVER === "git") return;
    const report = reportIn(Buffer.from(text, "latin1"));
    assert.ok(!report.some((line) => line.startsWith("ok ")), text);
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(trial.daemon.log(), /\x1b|\x07/);
  });
});
