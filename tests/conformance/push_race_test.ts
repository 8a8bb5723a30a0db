/**
 * Many pushers at once, and git's own maintenance beside them: one winner for
 * each old value, nothing that was acknowledged is lost, and nobody who
 * fetches meanwhile sees a broken repository.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { oneCommitPushes } from "../../bench/push_client.ts";
import { emptyRepository } from "../support/fixture.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { git, gitSync, tryGit } from "../support/git.ts";
import { fsck } from "../support/git_repository.ts";
import {
  rawPush,
  refIn,
  wholeReport,
  ZERO,
} from "../support/pushes/raw_push.ts";
import { type Daemon, startDaemon } from "../support/server.ts";
import { after, before, describe, it } from "../support/test.ts";
import { connectWire, gitRequest } from "../support/wire_client.ts";

const RACERS = 50;
const WRITERS = 16;
const PUSHES = 12;

let root: string;
let daemon: Daemon;

before(async () => {
  root = temporaryDirectory("race");
  daemon = await startDaemon({
    args: [
      ...["--export-all", `--base-path=${root}`, "--max-connections=200"],
      "--enable=receive-pack",
    ],
  });
});

after(async () => {
  await daemon.stop();
});

describe("pushers who race", () => {
  it("for one branch: one wins for each old value", async () => {
    const directory = repository("one.git");
    let old = ZERO;
    for (let round = 0; round < 3; round++) {
      const from = old === ZERO ? refIn(directory, "refs/heads/main") : old;
      const racers = Array.from(
        { length: RACERS },
        (_, i) => oneCommitPushes(from, 1, `racer ${i}`),
      ).flat();
      const reports = await Promise.all(racers.map((each) => {
        const command = { name: "refs/heads/raced", old, new: each.new };
        return push("one.git", [command], each.pack);
      }));
      const winners = racers.filter((_, i) =>
        reports[i]?.includes("ok refs/heads/raced")
      );
      const text = JSON.stringify(reports.slice(0, 4));
      assert.equal(winners.length, 1, `round ${round}: ${text}`);
      const value = refIn(directory, "refs/heads/raced");
      assert.equal(value, winners[0]?.new);
      for (const report of reports) {
        if (report.includes("ok refs/heads/raced")) continue;
        assert.match(report.join("|"), /^unpack ok\|ng refs\/heads\/raced /);
      }
      old = value;
    }
    assert.equal((await fsck(directory)).code, 0);
  });

  it("for different branches beside git's maintenance lose nothing", {
    timeout: 300_000,
  }, async () => {
    const directory = repository("many.git");
    const tip = refIn(directory, "refs/heads/main");
    let isOver = false;
    const failures: string[] = [];
    const maintain = async (args: readonly string[]) => {
      while (!isOver) {
        const { code, stderr } = await tryGit(args, { cwd: directory });
        // Two of git's own may meet, and one gives way.
        const isBusy = /gc is already running|\.lock|failed to run/.test(
          stderr,
        );
        if (code !== 0 && !isBusy) {
          failures.push(`${args.join(" ")}: ${stderr}`);
        }
      }
    };
    const fetch = async () => {
      for (let i = 0; !isOver; i++) {
        const copy = join(root, `copy${i}.git`);
        const args = ["clone", "--quiet", "--mirror", daemon.url("/many.git")];
        const { code, stderr } = await tryGit([...args, copy]);
        if (code !== 0) failures.push(`clone: ${stderr}`);
      }
    };
    const beside = [
      maintain(["gc", "--prune=now", "--quiet"]),
      maintain(["pack-refs", "--all"]),
      maintain(["repack", "-adq"]),
      fetch(),
    ];
    const acknowledged = new Map<string, string>();
    let refused = 0;
    const write = async (index: number) => {
      const name = `refs/heads/writer/${index}`;
      let old = ZERO;
      for (const step of oneCommitPushes(tip, PUSHES, name)) {
        // A push may be refused, as git's gc takes what is in quarantine.
        for (let attempt = 0;; attempt++) {
          const report = await push(
            "many.git",
            [{ name, old, new: step.new }],
            step.pack,
          );
          if (report.includes(`ok ${name}`)) break;
          refused++;
          if (attempt === 20) throw new Error(`${name}: ${report.join("|")}`);
        }
        old = step.new;
        acknowledged.set(name, old);
      }
    };
    try {
      await Promise.all(Array.from({ length: WRITERS }, (_, i) => write(i)));
    } finally {
      isOver = true;
      await Promise.all(beside);
    }
    assert.deepEqual(failures, []);
    for (const [name, oid] of acknowledged) {
      const value = await git(["rev-parse", name], { cwd: directory });
      assert.equal(value.trim(), oid, `${name}, ${refused} refused`);
    }
    const proof = await fsck(directory);
    assert.equal(proof.code, 0, JSON.stringify(proof));
  });
});

function repository(name: string): string {
  const directory = emptyRepository(join(root, name), "sha1");
  const tree = gitSync(["mktree"], { cwd: directory, input: "" }).trim();
  const commit = gitSync(["commit-tree", "-m", "first", tree], {
    cwd: directory,
  }).trim();
  gitSync(["update-ref", "refs/heads/main", commit], { cwd: directory });
  return directory;
}

async function push(
  name: string,
  commands: Parameters<typeof rawPush>[0],
  pack: Uint8Array,
): Promise<string[]> {
  const client = await connectWire(daemon.port);
  try {
    await client.send(gitRequest(`/${name}`, { service: "git-receive-pack" }));
    await client.send(rawPush(commands, pack));
    client.endWriting();
    return wholeReport(await client.untilClosed(60_000));
  } finally {
    client.close();
  }
}
