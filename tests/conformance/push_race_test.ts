/**
 * Many pushers at once, and git's own maintenance beside them: one winner for
 * each old value, nothing that was acknowledged is lost, and nobody who
 * fetches meanwhile sees a broken repository.
 *
 * `GITSRV_TEST_RACE_PUSHES=<n>` lets each of the sixteen push so often beside
 * git's maintenance, instead of twice.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import process from "node:process";
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
const MAINTAINED: readonly [string, Readonly<Record<string, string>>][] = [
  ["loose", {}],
  ["packs", {
    "receive.unpackLimit": "1",
    "core.logAllRefUpdates": "true",
  }],
];
const WRITERS = 16;
const PUSHES = Number(process.env.GITSRV_TEST_RACE_PUSHES ?? 2);

/** What git says of a repository that has lost something. */
const LACKS =
  /missing|bad (?:object|tree)|not a valid|broken|corrupt|unable to read|could not (?:parse|read)|does not point|invalid/i;

let root: string;
let daemon: Daemon;
/** That one, another one of ours and git's own, on the same directory. */
let servers: Daemon[];

before(async () => {
  root = temporaryDirectory("race");
  const args = [
    ...["--export-all", `--base-path=${root}`, "--max-connections=200"],
    "--enable=receive-pack",
  ];
  daemon = await startDaemon({ args });
  servers = [
    daemon,
    await startDaemon({ args }),
    await startDaemon({ args, kind: "git" }),
  ];
});

after(async () => {
  await Promise.all(servers.map((each) => each.stop()));
});

describe("pushers who race", () => {
  it("for one branch: one wins for each old value", async () => {
    const directory = repository("one.git");
    let old = ZERO;
    for (let round = 0; round < 2; round++) {
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

  it("through two servers of ours and git's: one wins for each old value", async () => {
    const directory = repository("servers.git");
    const from = refIn(directory, "refs/heads/main");
    let old = ZERO;
    for (let round = 0; round < 3; round++) {
      const racers = Array.from(
        { length: 12 },
        (_, i) => oneCommitPushes(from, 1, `round ${round}, racer ${i}`),
      ).flat();
      const name = "refs/heads/raced";
      const reports = await Promise.all(racers.map((each, i) =>
        push(
          "servers.git",
          [{ name, old, new: each.new }],
          each.pack,
          servers[i % servers.length],
        )
      ));
      const winners = racers.filter((_, i) =>
        reports[i]?.includes(`ok ${name}`)
      );
      assert.equal(winners.length, 1, JSON.stringify(reports));
      old = refIn(directory, name);
      assert.equal(old, winners[0]?.new);
    }
    assert.equal((await fsck(directory)).code, 0);
  });

  it("with those who delete: what was updated is not deleted", async () => {
    const directory = repository("deleted.git");
    const from = refIn(directory, "refs/heads/main");
    const name = "refs/heads/deleted";
    for (let round = 0; round < 4; round++) {
      await git(["update-ref", name, from], { cwd: directory });
      if (round % 2 === 1) {
        await git(["pack-refs", "--all"], { cwd: directory });
      }
      const racers = Array.from(
        { length: 6 },
        (_, i) => oneCommitPushes(from, 1, `round ${round}, racer ${i}`),
      ).flat();
      const [updates, deletions] = await Promise.all([
        Promise.all(racers.map((each, i) =>
          push(
            "deleted.git",
            [{ name, old: from, new: each.new }],
            each.pack,
            servers[i % servers.length],
          )
        )),
        Promise.all(racers.map((_, i) =>
          push(
            "deleted.git",
            [{ name, old: from, new: ZERO }],
            undefined,
            servers[i % servers.length],
          )
        )),
      ]);
      const isOk = (report: readonly string[]) => report.includes(`ok ${name}`);
      const winners = racers.filter((_, i) => isOk(updates[i] ?? []));
      const deleted = deletions.filter(isOk).length;
      const text = JSON.stringify([updates, deletions]);
      const { stdout } = await tryGit(["rev-parse", "-q", "--verify", name], {
        cwd: directory,
      });
      if (deleted === 0) {
        assert.equal(winners.length, 1, text);
        assert.equal(stdout.trim(), winners[0]?.new, text);
      } else {
        assert.equal(winners.length, 0, text);
        assert.equal(stdout, "", text);
      }
    }
    assert.equal((await fsck(directory)).code, 0);
  });

  it("for a name and for names below it: never both", async () => {
    const directory = repository("nested.git");
    const from = refIn(directory, "refs/heads/main");
    const names = ["refs/heads/a", "refs/heads/a/b", "refs/heads/a/b/c"];
    for (let round = 0; round < 6; round++) {
      const racers = Array.from(
        { length: 9 },
        (_, i) => oneCommitPushes(from, 1, `round ${round}, racer ${i}`),
      ).flat();
      const nameOf = (i: number) => names[i % names.length] as string;
      const reports = await Promise.all(racers.map((each, i) =>
        push(
          "nested.git",
          [{ name: nameOf(i), old: ZERO, new: each.new }],
          each.pack,
          // Each name through each server.
          servers[Math.floor(i / names.length) % servers.length],
        )
      ));
      const made = racers.flatMap((each, i) =>
        reports[i]?.includes(`ok ${nameOf(i)}`)
          ? [`${each.new} ${nameOf(i)}`]
          : []
      );
      const text = await git([
        "for-each-ref",
        "--format=%(objectname) %(refname)",
        "refs/heads/a",
      ], { cwd: directory });
      const there = text.split("\n").filter((line) => line !== "");
      // Two may be in each other's way, and neither gets it.
      assert.ok(there.length <= 1, text);
      assert.deepEqual(made, there, JSON.stringify(reports));
      for (const line of there) {
        const [value, name] = line.split(" ") as [string, string];
        const report = await push("nested.git", [
          { name, old: value, new: ZERO },
        ]);
        assert.ok(report.includes(`ok ${name}`), report.join("|"));
      }
    }
    assert.equal((await fsck(directory)).code, 0);
  });

  for (const [what, config] of MAINTAINED) {
    it(
      `for different branches beside git's maintenance lose nothing: ${what}`,
      {
        timeout: 300_000,
      },
      () => besideMaintenance(`${what}.git`, config),
    );
  }
});

async function besideMaintenance(
  repositoryName: string,
  config: Readonly<Record<string, string>>,
): Promise<void> {
  const directory = repository(repositoryName);
  for (const [key, value] of Object.entries(config)) {
    await git(["config", key, value], { cwd: directory });
  }
  const tip = refIn(directory, "refs/heads/main");
  let isOver = false;
  const failures: string[] = [];
  const maintain = async (args: readonly string[]) => {
    while (!isOver) {
      const { code, stderr } = await tryGit(args, { cwd: directory });
      // Two of git's own may meet: one gives way, or has its temporary
      // files taken away. What no one may say is that an object is not here.
      if (code !== 0 && LACKS.test(stderr)) {
        failures.push(`${args.join(" ")}: ${stderr}`);
      }
    }
  };
  const fetch = async () => {
    for (let i = 0; !isOver; i++) {
      const copy = join(root, `copy${i}-${repositoryName}`);
      const args = [
        "clone",
        "--quiet",
        "--mirror",
        daemon.url(`/${repositoryName}`),
      ];
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
          repositoryName,
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
}

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
  pack: Uint8Array = new Uint8Array(0),
  server = daemon,
): Promise<string[]> {
  const client = await connectWire(server.port);
  try {
    await client.send(gitRequest(`/${name}`, { service: "git-receive-pack" }));
    await client.send(rawPush(commands, pack));
    client.endWriting();
    return wholeReport(await client.untilClosed(60_000));
  } finally {
    client.close();
  }
}
