/**
 * Repositories whose refs are in reftables, served by our daemon: tables of
 * the tests' own for every git, and those of a git that writes them itself
 * (2.45 and newer), which `GITSRV_TEST_GIT` names.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { SHA1, SHA256 } from "../../src/core/oid.ts";
import { NODE_FILES } from "../../src/runtime/files.ts";
import { Complaints } from "../../src/storage/files/complaints.ts";
import { findLayout } from "../../src/storage/files/layout.ts";
import { ReftableRefStore } from "../../src/storage/files/reftable/refs.ts";
import { selectKernels } from "../../src/kernels/select.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { GIT, git, gitSync, tryGit } from "../support/git.ts";
import { fsck, lines } from "../support/git_repository.ts";
import { seeded } from "../support/random.ts";
import {
  convertToReftable,
  encodeReftable,
  type TableRef,
  writeStack,
} from "../support/reftable.ts";
import { type Daemon, startDaemon } from "../support/server.ts";
import { after, before, describe, it } from "../support/test.ts";

const VERSIONS = [0, 1, 2] as const;
const root = temporaryDirectory("reftables");
let daemon: Daemon;

before(async () => {
  daemon = await startDaemon({ args: [root] });
});
after(async () => {
  await daemon.stop();
});

/** Commits and an annotated tag in a new bare repository; `init` of git. */
function seedRepository(
  name: string,
  ...init: readonly string[]
): { path: string; commits: string[]; tag: string } {
  const path = join(root, name);
  gitSync(["init", "-q", "--bare", ...init, path]);
  const run = (args: string[], input = ""): string =>
    gitSync(args, { cwd: path, input }).trim();
  const tree = run(["mktree"]);
  const commits = ["one", "two", "three", "four"].map((message) =>
    run(["commit-tree", "-m", message, tree])
  );
  const tag = run(
    ["mktag"],
    `object ${commits[0]}\ntype commit\ntag v1\n` +
      "tagger A <a@example.com> 1700000000 +0000\n\nv1\n",
  );
  return { path, commits, tag };
}

/** What `git ls-remote` shows of a URL, and of a directory. */
async function lsRemote(url: string, protocol: 0 | 1 | 2): Promise<string> {
  return await git(["ls-remote", url], { protocol });
}

describe("a daemon over reftables of our own", () => {
  for (const format of ["sha1", "sha256"] as const) {
    it(`serves what loose refs would have said, in ${format}`, async () => {
      const { path, commits, tag } = seedRepository(
        `own-${format}.git`,
        `--object-format=${format}`,
      );
      const [one, two] = commits as [string, string];
      const base: TableRef[] = [
        { name: "HEAD", symref: "refs/heads/main" },
        { name: "refs/heads/main", oid: one },
        { name: "refs/heads/old", oid: one },
        { name: "refs/remotes/o/HEAD", symref: "refs/heads/main" },
        { name: "refs/tags/v1", oid: tag, peeled: one },
      ];
      const next: TableRef[] = [
        { name: "refs/heads/main", oid: two },
        { name: "refs/heads/old" },
      ];
      for (const { name, oid, symref } of [...base, ...next]) {
        if (symref !== undefined) {
          gitSync(["symbolic-ref", name, symref], { cwd: path });
        } else if (oid === undefined) {
          gitSync(["update-ref", "-d", name], { cwd: path });
        } else gitSync(["update-ref", name, oid], { cwd: path });
      }
      const url = daemon.url(`/own-${format}.git`);
      const expected = await git(["ls-remote", path]);
      convertToReftable(path, format);
      const shape = format === "sha1"
        ? {}
        : { version: 2, hash: "s256" } as const;
      writeStack(path, [
        { name: "a.ref", bytes: encodeReftable(base, shape).bytes },
        { name: "b.ref", bytes: encodeReftable(next, shape).bytes },
      ]);
      for (const version of VERSIONS) {
        assert.equal(await lsRemote(url, version), expected, `v${version}`);
        const clone = join(temporaryDirectory("clone"), "c");
        await git(["clone", "-q", "--mirror", url, clone], {
          protocol: version,
        });
        assert.deepEqual(await fsck(clone), { code: 0, lines: [] });
        assert.equal(
          (await git(["rev-parse", "HEAD"], { cwd: clone })).trim(),
          two,
        );
      }
    });
  }

  it("says nothing of refs where a table is damaged", async () => {
    const { path, commits } = seedRepository("damaged.git");
    convertToReftable(path);
    const { bytes } = encodeReftable([
      { name: "HEAD", symref: "refs/heads/main" },
      { name: "refs/heads/main", oid: commits[0] as string },
    ]);
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 1;
    writeStack(path, [{ name: "a.ref", bytes }]);
    for (const protocol of VERSIONS) {
      const result = await tryGit(["ls-remote", daemon.url("/damaged.git")], {
        protocol,
      });
      assert.notEqual(result.code, 0);
      assert.equal(result.stdout, "");
    }
    await daemon.logged(/corrupt reftable file .*a\.ref: the checksum/);
  });
});

const canWrite = (await tryGit([
  "init",
  "-q",
  "--bare",
  "--ref-format=reftable",
  join(temporaryDirectory("probe"), "p.git"),
])).code === 0;

describe("reftables that git has written", () => {
  if (!canWrite) {
    it(`are NOT tested: "${GIT}" writes none; let GITSRV_TEST_GIT name a git that does (2.45 or newer)`, () => {
      assert.ok(!canWrite);
    });
    return;
  }

  /** Our reading, as `for-each-ref` and `show-ref --head` spell it. */
  function ours(path: string, format: "sha1" | "sha256") {
    const layout = findLayout(NODE_FILES, path, "suffixes");
    assert.ok(layout);
    const store = new ReftableRefStore({
      layout,
      fileSystem: NODE_FILES,
      kernels: selectKernels(),
      complaints: new Complaints({ log: () => {} }),
      format: format === "sha1" ? SHA1 : SHA256,
      now: Date.now,
    });
    return (): { refs: string[]; shown: string[] } => {
      const snapshot = store.readNow();
      const records = [...snapshot.list("")];
      const head = snapshot.head?.oid;
      return {
        refs: records.map(({ name, oid, target }) =>
          `${name} ${oid} ${target ?? ""}`
        ),
        shown: [
          ...(head === undefined ? [] : [`${head} HEAD`]),
          ...records.map(({ name, oid }) => `${oid} ${name}`),
        ],
      };
    };
  }

  async function theirs(
    cwd: string,
  ): Promise<ReturnType<ReturnType<typeof ours>>> {
    const each = await git(
      ["for-each-ref", "--format=%(refname) %(objectname) %(symref)"],
      { cwd },
    );
    const shown = await tryGit(["show-ref", "--head"], { cwd });
    return { refs: lines(each), shown: lines(shown.stdout) };
  }

  const CONFIGS: readonly (readonly string[])[] = [
    [],
    ["-c", "reftable.blockSize=512", "-c", "reftable.restartInterval=3"],
    ["-c", "reftable.blockSize=65536", "-c", "reftable.indexObjects=false"],
    ["-c", "reftable.geometricFactor=40"],
  ];

  for (const format of ["sha1", "sha256"] as const) {
    it(`are read as git reads them, whatever is done to them, in ${format}`, {
      timeout: 300_000,
    }, async () => {
      for (const [round, config] of CONFIGS.entries()) {
        const random = seeded(100 + round);
        const { path, commits, tag } = seedRepository(
          `random-${format}-${round}.git`,
          "--ref-format=reftable",
          `--object-format=${format}`,
        );
        const read = ours(path, format);
        const run = (args: string[], input?: string): Promise<unknown> =>
          tryGit([...config, ...args], {
            cwd: path,
            env: {
              GIT_TEST_REFTABLE_AUTOCOMPACTION: random.int(3) === 0
                ? "false"
                : "true",
            },
            ...(input === undefined ? {} : { input }),
          });
        const nameOf = (): string => {
          const depth = random.pick(["heads", "tags", "changes/01", "x-y.z"]);
          return `refs/${depth}/n${random.int(400)}`;
        };
        for (let step = 0; step < 25; step++) {
          const batch = Array.from({ length: 1 + random.int(80) }, () => {
            const name = nameOf();
            return random.int(4) === 0
              ? `delete ${name}\n`
              : `update ${name} ${random.pick([...commits, tag])}\n`;
          });
          const unique = new Map(
            batch.map((line) => [line.split(" ")[1]?.trim(), line]),
          );
          await run(["update-ref", "--stdin"], [...unique.values()].join(""));
          const extra = random.int(6);
          if (extra === 0) await run(["pack-refs", "--all"]);
          if (extra === 1) {
            await run([
              "symbolic-ref",
              `refs/remotes/o/s${random.int(5)}`,
              nameOf(),
            ]);
          }
          if (extra === 2) {
            await run([
              "symbolic-ref",
              "HEAD",
              `refs/heads/n${random.int(400)}`,
            ]);
          }
          if (extra === 3) {
            await run([
              "update-ref",
              "--no-deref",
              "HEAD",
              random.pick(commits),
            ]);
          }
          if (extra === 4) {
            await run([
              "symbolic-ref",
              "-d",
              `refs/remotes/o/s${random.int(5)}`,
            ]);
          }
          assert.deepEqual(
            read(),
            await theirs(path),
            `seed ${random.seed}, step ${step}, ${config.join(" ")}`,
          );
        }
      }
    });
  }

  it("are read with indexes of several levels", async () => {
    const { path, commits } = seedRepository(
      "many.git",
      "--ref-format=reftable",
    );
    const input = Array.from(
      { length: 20_000 },
      (_, i) => `create refs/changes/${i % 100}/${i}/1 ${commits[i % 4]}\n`,
    ).join("");
    await git(["-c", "reftable.blockSize=512", "update-ref", "--stdin"], {
      cwd: path,
      input,
    });
    await git(["update-ref", "refs/heads/main", commits[0] as string], {
      cwd: path,
    });
    assert.deepEqual(ours(path, "sha1")(), await theirs(path));
  });

  it("are cloned over every protocol version with the same refs", async () => {
    const { path, commits, tag } = seedRepository(
      "clone.git",
      "--ref-format=reftable",
    );
    await git(["update-ref", "--stdin"], {
      cwd: path,
      input: commits.map((oid, i) =>
        `create refs/heads/b${i} ${oid}\n`
      ).join("") +
        `create refs/tags/v1 ${tag}\n`,
    });
    await git(["symbolic-ref", "HEAD", "refs/heads/b2"], { cwd: path });
    const expected = await git(["ls-remote", path]);
    for (const protocol of VERSIONS) {
      const url = daemon.url("/clone.git");
      assert.equal(await lsRemote(url, protocol), expected, `v${protocol}`);
      const clone = join(temporaryDirectory("clone"), "c");
      await git(["clone", "-q", "--mirror", url, clone], { protocol });
      assert.equal(await git(["ls-remote", clone]), expected, `v${protocol}`);
      assert.deepEqual(await fsck(clone), { code: 0, lines: [] });
    }
  });

  it("are those of a linked worktree where it is served", async () => {
    const { path, commits } = seedRepository(
      "shared.git",
      "--ref-format=reftable",
    );
    await git(["update-ref", "refs/heads/main", commits[0] as string], {
      cwd: path,
    });
    await git(["update-ref", "refs/heads/side", commits[1] as string], {
      cwd: path,
    });
    mkdirSync(join(root, "trees"));
    const tree = join(root, "trees/side");
    await git(["worktree", "add", "-q", tree, "side"], { cwd: path });
    await git(["update-ref", "refs/bisect/bad", commits[2] as string], {
      cwd: tree,
    });
    await git(["update-ref", "refs/worktree/own", commits[3] as string], {
      cwd: tree,
    });
    await git(["update-ref", "refs/bisect/bad", commits[0] as string], {
      cwd: path,
    });
    for (
      const [where, url] of [[tree, "/trees/side"], [
        path,
        "/shared.git",
      ]] as const
    ) {
      assert.deepEqual(ours(where, "sha1")(), await theirs(where));
      assert.equal(
        await git(["ls-remote", daemon.url(url)]),
        await git(["ls-remote", where]),
      );
    }
  });

  it("are never seen torn while `git refs migrate` runs", {
    timeout: 300_000,
  }, async () => {
    const { path, commits } = seedRepository(
      "moving.git",
      "--ref-format=files",
    );
    await git(["update-ref", "--stdin"], {
      cwd: path,
      input: Array.from(
        { length: 300 },
        (_, i) => `create refs/heads/b${i} ${commits[i % 4]}\n`,
      ).join(""),
    });
    await git(["symbolic-ref", "HEAD", "refs/heads/b7"], { cwd: path });
    // git removes loose refs one by one; its own readers see that too.
    await git(["pack-refs", "--all"], { cwd: path });
    const expected = await git(["ls-remote", path]);
    const url = daemon.url("/moving.git");
    let isMoving = true;
    let seen = 0;
    let refused = 0;
    const watch = async (protocol: 0 | 2): Promise<void> => {
      while (isMoving) {
        const { code, stdout } = await tryGit(["ls-remote", url], { protocol });
        if (code !== 0) refused++;
        else {
          assert.equal(stdout, expected);
          seen++;
        }
      }
    };
    const watching = Promise.all([watch(0), watch(2)]);
    for (let i = 0; i < 12; i++) {
      const format = i % 2 === 0 ? "reftable" : "files";
      await git(["refs", "migrate", `--ref-format=${format}`], { cwd: path });
      assert.equal(
        await git(["ls-remote", url]),
        expected,
        `after the move to ${format}`,
      );
    }
    isMoving = false;
    await watching;
    assert.ok(seen > 10, `${seen} answers, ${refused} refusals`);
  });

  it("are read while they are written and compacted", {
    timeout: 300_000,
  }, async () => {
    const { path, commits } = seedRepository(
      "busy.git",
      "--ref-format=reftable",
    );
    await git(["update-ref", "refs/heads/main", commits[0] as string], {
      cwd: path,
    });
    const read = ours(path, "sha1");
    let isWriting = true;
    const write = async (): Promise<void> => {
      // Two refs that always change together.
      for (let i = 0; i < 60; i++) {
        const oid = commits[i % 4];
        await git(["update-ref", "--stdin"], {
          cwd: path,
          input:
            `update refs/heads/left ${oid}\nupdate refs/heads/right ${oid}\n`,
        });
        if (i % 10 === 9) await git(["pack-refs", "--all"], { cwd: path });
      }
      isWriting = false;
    };
    const writing = write();
    let reads = 0;
    while (isWriting) {
      const values = read().refs.map((line) => line.split(" "));
      const of = (name: string) => values.find(([each]) => each === name)?.[1];
      assert.equal(of("refs/heads/left"), of("refs/heads/right"));
      assert.equal(of("refs/heads/main"), commits[0]);
      reads++;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await writing;
    assert.ok(reads > 20, `${reads} reads`);
    assert.ok(readdirSync(join(path, "reftable")).length < 10);
  });
});
