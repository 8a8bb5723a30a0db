/**
 * Every file that git writes beside a pack, and every way in which it stores
 * objects: clients get from our server what `git upload-pack` gives them.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Buffer } from "node:buffer";
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { graphHistory, writeGraph } from "../support/commit_graphs.ts";
import { copyRepository } from "../support/fixture.ts";
import {
  removeDirectory,
  temporaryDirectory,
} from "../support/fixture_directory.ts";
import {
  addLooseCommits,
  clientUpTo,
  dropBranch,
  packBases,
  rewriteIndexes,
  STORAGE_CASES,
  storedAs,
} from "../support/format_cases.ts";
import { git, type GitResult, gitSync, tryGit } from "../support/git.ts";
import { itInParallel, type Job } from "../support/git_jobs.ts";
import {
  lines,
  objectSet,
  refs,
  shallowFile,
} from "../support/git_repository.ts";
import { SERVER, startDaemon } from "../support/server.ts";
import { after, describe, it } from "../support/test.ts";

// Set up here, not in a hook: the tests below take these as constants.
const root = temporaryDirectory("formats");
const clients = temporaryDirectory("formats-clients");
const base = graphHistory(join(root, "base.git"), "sha1", 91);
const base256 = graphHistory(join(root, "base256.git"), "sha256", 92);
const oldTip = gitSync(["rev-parse", "main~9"], { cwd: base }).trim();
const oldClient = await clientUpTo(join(clients, "old"), base, oldTip);
const daemon = await startDaemon({
  args: [`--base-path=${root}`, "--export-all"],
});
let nextClient = 0;

after(async () => {
  await daemon.stop();
  removeDirectory(root);
  removeDirectory(clients);
});

/** What a client does; it starts with `from`, or with nothing. */
interface Operation {
  readonly name: string;
  readonly protocol: 0 | 2;
  readonly from?: string;
  /** Arguments; the URL follows. */
  readonly args: readonly string[];
  /** Arguments after the URL. */
  readonly refspecs?: readonly string[];
}

const ALL = "+refs/*:refs/*";
const EVERYTHING: readonly Operation[] = [
  { name: "clone, v0", protocol: 0, args: ["fetch"], refspecs: [ALL] },
  { name: "clone, v2", protocol: 2, args: ["fetch"], refspecs: [ALL] },
  {
    name: "shallow clone, v2",
    protocol: 2,
    args: ["fetch", "--depth=2"],
    refspecs: ["+refs/heads/*:refs/heads/*"],
  },
  {
    name: "fetch, v0",
    protocol: 0,
    from: oldClient,
    args: ["fetch"],
    refspecs: ["+refs/heads/*:refs/remotes/o/*"],
  },
  {
    name: "fetch, v2",
    protocol: 2,
    from: oldClient,
    args: ["fetch"],
    refspecs: ["+refs/heads/*:refs/remotes/o/*"],
  },
];

/** What a client ends with. */
interface Outcome {
  readonly code: number | null;
  readonly stderr: string;
  readonly refs: readonly string[];
  readonly objects: readonly string[];
  readonly shallow: readonly string[];
}

async function perform(
  url: string,
  { from, args, refspecs = [], protocol }: Operation,
  format = "sha1",
): Promise<Outcome> {
  const cwd = join(clients, `c${nextClient++}`);
  if (from === undefined) {
    await git([
      ...["init", "--quiet", "--bare", "--template="],
      ...[`--object-format=${format}`, cwd],
    ]);
  } else cpSync(from, cwd, { recursive: true });
  const run = (all: readonly string[]): Promise<GitResult> =>
    tryGit(all, { cwd, protocol });
  const result = await run([...args, "--quiet", url, ...refspecs]);
  const outcome = {
    code: result.code,
    stderr: result.stderr,
    refs: await refs(cwd),
    objects: await objectSet(cwd),
    shallow: shallowFile(cwd),
  };
  removeDirectory(cwd);
  return outcome;
}

/**
 * Does the same with our server and with git; both must leave the same. Gives
 * our outcome.
 */
async function compare(
  name: string,
  operation: Operation,
  format?: string,
): Promise<Outcome> {
  const [ours, theirs] = await Promise.all([
    perform(daemon.url(`/${name}`), operation, format),
    perform(`file://${join(root, name)}`, operation, format),
  ]) as [Outcome, Outcome];
  const told = `${operation.name}: ${ours.stderr}\ngit: ${theirs.stderr}`;
  assert.equal(ours.code, theirs.code, told);
  assert.deepEqual(ours.refs, theirs.refs, told);
  assert.deepEqual(ours.shallow, theirs.shallow, told);
  assert.deepEqual(ours.objects, theirs.objects, told);
  return ours;
}

describe("A repository is served as git serves it with", () => {
  itInParallel(STORAGE_CASES.map((each): Job => ({
    title: each.name,
    async run() {
      const name = storedAs(each, base, root);
      for (const operation of EVERYTHING) await compare(name, operation);
    },
  })));

  itInParallel(["1", "2", "2,0x40"].map((version): Job => ({
    title: `SHA-256 and --index-version=${version}`,
    async run() {
      const name = `sha256-${version}.git`;
      rewriteIndexes(copyRepository(base256, join(root, name)), version);
      for (const operation of EVERYTHING.slice(0, 3)) {
        await compare(name, operation, "sha256");
      }
    },
  })));
});

describe("The files are what these tests say: there are", () => {
  const bytesOf = (directory: string, suffix: string): Buffer => {
    const path = join(root, directory, "r.git/objects/pack");
    const name = readdirSync(path).find((each) => each.endsWith(suffix));
    return readFileSync(join(path, name ?? "none"));
  };

  it("indexes of version 1, and of version 2 with 64-bit offsets", () => {
    const first = bytesOf("an-index-of-version-1", ".idx");
    assert.notEqual(first.readUInt32BE(0), 0xff744f63);
    const second = bytesOf("an-index-with-64-bit-offsets", ".idx");
    assert.equal(second.readUInt32BE(0), 0xff744f63);
    const count = second.readUInt32BE(8 + 4 * 255);
    const least = 8 + 1024 + count * 28 + 40;
    // All but those below 0x40 have a row of 8 bytes.
    assert.ok(second.length >= least + 8 * (count - 2), `${second.length}`);
  });

  it("cruft packs, with the objects' times", () => {
    const times = bytesOf("a-cruft-pack", ".mtimes");
    assert.equal(times.toString("latin1", 0, 4), "MTME");
  });
});

describe("An unreachable object of a cruft pack", () => {
  const path = join(root, "cruft.git");
  let lost = "";
  const setUp = (): void => {
    if (lost !== "") return;
    copyRepository(base, path);
    addLooseCommits(path, "second");
    lost = dropBranch(path, "second");
    gitSync(["repack", "--cruft", "-dq"], { cwd: path });
  };

  it("is not advertised, and given to who asks for it in v2 alone", async () => {
    setUp();
    const want = (protocol: 0 | 2): Operation => ({
      name: `want of ${lost}, v${protocol}`,
      protocol,
      args: ["fetch"],
      refspecs: [`${lost}:refs/heads/found`],
    });
    assert.notEqual((await compare("cruft.git", want(0))).code, 0);
    const found = await compare("cruft.git", want(2));
    assert.deepEqual(found.refs, [`${lost} refs/heads/found`]);
    for (const protocol of [0, 2] as const) {
      const listed = await git(["ls-remote", daemon.url("/cruft.git")], {
        protocol,
      });
      assert.ok(!listed.includes(lost));
    }
  });

  it("is a have that the server knows", async () => {
    setUp();
    const client = join(clients, "cruft");
    await clientUpTo(client, path, lost);
    for (const protocol of [0, 2] as const) {
      await compare("cruft.git", {
        name: `fetch with a lost have, v${protocol}`,
        protocol,
        from: client,
        args: ["fetch"],
        refspecs: ["+refs/heads/*:refs/remotes/o/*"],
      });
    }
  });
});

describe("A partial clone as a server", () => {
  const path = join(root, "partial.git");
  let missing = "";
  const setUp = (): void => {
    if (missing !== "") return;
    const origin = copyRepository(base, join(root, "partial-origin.git"));
    gitSync(["config", "uploadpack.allowFilter", "true"], { cwd: origin });
    gitSync([
      ...["clone", "--quiet", "--bare", "--filter=blob:none"],
      ...[`file://${origin}`, path],
    ]);
    const tree = lines(gitSync(["ls-tree", "-r", "main"], { cwd: path }));
    missing = tree[0]?.split(/\s/)[2] ?? "";
    // Grown here: these blobs are no promise.
    const blob = gitSync(["hash-object", "-w", "--stdin"], {
      cwd: path,
      input: "grown here\n",
    }).trim();
    const grown = gitSync(["mktree", "--missing"], {
      cwd: path,
      input: gitSync(["ls-tree", "main"], { cwd: path }) +
        `100644 blob ${blob}\tzz-grown\n`,
    }).trim();
    const commit = gitSync(["commit-tree", "-m", "grow", "-p", "main", grown], {
      cwd: path,
    }).trim();
    gitSync(["update-ref", "refs/heads/main", commit], { cwd: path });
    assert.ok(
      readdirSync(join(path, "objects/pack")).some((each) =>
        each.endsWith(".promisor")
      ),
    );
  };

  for (const protocol of [0, 2] as const) {
    it(`says what git says of objects that it lacks, v${protocol}`, async () => {
      setUp();
      const outcome = await compare("partial.git", {
        name: "clone",
        protocol,
        args: ["fetch"],
        refspecs: [ALL],
      });
      assert.notEqual(outcome.code, 0);
      assert.match(
        outcome.stderr,
        /aborting due to possible repository corruption on the remote side/,
      );
    });

    it(`gives what needs none of those, v${protocol}`, async () => {
      setUp();
      const client = join(clients, `whole-${protocol}`);
      const tip = gitSync(["rev-parse", "main"], { cwd: base }).trim();
      await clientUpTo(client, base, tip);
      const outcome = await compare("partial.git", {
        name: "fetch of main",
        protocol,
        from: client,
        args: ["fetch"],
        refspecs: ["refs/heads/main:refs/remotes/o/main"],
      });
      assert.equal(outcome.code, 0, outcome.stderr);
    });
  }

  it("refuses a want of what it lacks, and fetches nothing itself", async () => {
    setUp();
    const before = readdirSync(join(path, "objects/pack")).sort();
    for (const protocol of [0, 2] as const) {
      const outcome = await compare("partial.git", {
        name: "want",
        protocol,
        args: ["fetch"],
        refspecs: [missing],
      });
      assert.notEqual(outcome.code, 0);
    }
    assert.deepEqual(readdirSync(join(path, "objects/pack")).sort(), before);
  });
});

describe("A shallow repository as a server", () => {
  const path = join(root, "shallow.git");
  const setUp = (): void => {
    const isThere = readdirSync(root).includes("shallow.git");
    if (isThere) return;
    gitSync([
      ...["clone", "--quiet", "--bare", "--no-single-branch", "--depth=12"],
      ...[`file://${base}`, path],
    ]);
    assert.ok(shallowFile(path).length > 0);
  };

  for (const protocol of [0, 2] as const) {
    const heads = ["+refs/heads/*:refs/remotes/o/*"];
    const clone = (name: string, ...args: string[]): Operation => ({
      name,
      protocol,
      args: ["fetch", ...args],
      refspecs: heads,
    });
    const rows: readonly Operation[] = [
      clone("clone", "--update-shallow"),
      clone("clone that keeps its shallow file"),
      clone("clone --depth=3", "--depth=3"),
      clone("clone --depth=12", "--depth=12"),
      clone("clone --depth=100", "--depth=100"),
      { ...clone("fetch"), from: oldClient },
      {
        ...clone("fetch --update-shallow", "--update-shallow"),
        from: oldClient,
      },
      { ...clone("fetch --depth=4", "--depth=4"), from: oldClient },
    ];
    for (const row of rows) {
      it(`gives what git gives: ${row.name}, v${protocol}`, async () => {
        setUp();
        await compare("shallow.git", row);
      });
    }

    it(`deepens a clone as git does, v${protocol}`, async () => {
      setUp();
      const from = join(clients, `shallow-${protocol}`);
      await git([
        ...["clone", "--quiet", "--bare", "--no-single-branch", "--depth=3"],
        ...[`file://${path}`, from],
      ]);
      for (
        const args of [["--deepen=2"], ["--depth=8"], ["--deepen=50"], [
          "--unshallow",
        ]]
      ) {
        await compare("shallow.git", {
          name: `fetch ${args}`,
          protocol,
          from,
          args: ["fetch", ...args],
          refspecs: heads,
        });
      }
    });
  }
});

// git's own walk follows grafts, and the pack then lacks what they cut off:
// "did not receive expected object". Clients never see the file.
if (SERVER === "ours") {
  it("Grafts change nothing that clients get", async () => {
    const name = "grafted.git";
    const path = copyRepository(base, join(root, name));
    const [cut, other] = lines(
      gitSync(["rev-parse", "main~2", "main~7"], { cwd: path }),
    );
    mkdirSync(join(path, "info"), { recursive: true });
    writeFileSync(join(path, "info/grafts"), `${cut}\n${oldTip} ${other}\n`);
    for (const operation of EVERYTHING) {
      const [ours, expected] = await Promise.all([
        perform(daemon.url(`/${name}`), operation),
        perform(`file://${base}`, operation),
      ]);
      assert.deepEqual(ours, expected, operation.name);
    }
  });

  describe("A helper file that is stale or corrupt costs one line", () => {
    /** Serves some clients, one by one and at once; the lines that say why. */
    const complaints = async (name: string): Promise<string[]> => {
      const url = daemon.url(`/${name}`);
      const clone = EVERYTHING[1] as Operation;
      for (const operation of EVERYTHING) {
        const outcome = await perform(url, operation);
        assert.equal(outcome.code, 0, outcome.stderr);
      }
      const all = await Promise.all(
        Array.from({ length: 4 }, () => perform(url, clone)),
      );
      const { objects } = await perform(`file://${base}`, clone);
      for (const each of all) {
        assert.equal(each.code, 0, each.stderr);
        assert.deepEqual(each.objects, objects);
      }
      return lines(daemon.log()).filter((line) => line.includes(`/${name}`));
    };
    const damage = (path: string): void => {
      const bytes = readFileSync(path);
      bytes[bytes.length - 30] = (bytes[bytes.length - 30] as number) ^ 1;
      rmSync(path);
      writeFileSync(path, bytes);
    };

    it("a commit-graph", async () => {
      const path = copyRepository(base, join(root, "bad-graph.git"));
      writeGraph(path, "one file");
      damage(join(path, "objects/info/commit-graph"));
      const told = await complaints("bad-graph.git");
      assert.equal(told.length, 1, told.join("\n"));
      assert.match(told[0] ?? "", /does not match its checksum/);
    });

    it("a commit-graph chain that names a graph that is gone", async () => {
      const path = copyRepository(base, join(root, "bad-chain.git"));
      writeGraph(path, "a chain");
      const directory = join(path, "objects/info/commit-graphs");
      const chain = readFileSync(join(directory, "commit-graph-chain"));
      const [, second] = lines(chain.toString("latin1"));
      rmSync(join(directory, `graph-${second}.graph`));
      const told = await complaints("bad-chain.git");
      assert.equal(told.length, 1, told.join("\n"));
      assert.match(told[0] ?? "", /unable to find all commit-graph files/);
    });

    it("the index of a pack whose objects are elsewhere too", async () => {
      const path = copyRepository(base, join(root, "bad-index.git"));
      const [kept] = packBases(path) as [string];
      gitSync(["repack", "-aq", "--no-write-bitmap-index", "-F"], {
        cwd: path,
      });
      const other = join(path, "objects/pack/pack-copy");
      cpSync(`${kept}.pack`, `${other}.pack`);
      writeFileSync(`${other}.idx`, readFileSync(`${kept}.idx`).fill(0xff, 8));
      const told = await complaints("bad-index.git");
      assert.equal(told.length, 1, told.join("\n"));
      assert.match(told[0] ?? "", /pack-copy/);
    });

    it("an alternate that is not there", async () => {
      const path = copyRepository(base, join(root, "bad-alternate.git"));
      mkdirSync(join(path, "objects/info"), { recursive: true });
      writeFileSync(join(path, "objects/info/alternates"), "/nowhere\n");
      const told = await complaints("bad-alternate.git");
      assert.equal(told.length, 1, told.join("\n"));
      assert.match(told[0] ?? "", /object directory \/nowhere does not exist/);
    });
  });
}
