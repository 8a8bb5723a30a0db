/**
 * The first bytes of a session, and the answers to `ls-refs`: the same as
 * those of `git upload-pack` on the same repository, but for who is speaking.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "../support/test.ts";
import {
  buildFixture,
  copyRepository,
  emptyRepository,
  OBJECT_FORMATS,
  type ObjectFormat,
  repositoryWithAlternates,
} from "../support/fixture.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { git, gitSync } from "../support/git.ts";
import { itInParallel } from "../support/git_jobs.ts";
import { lines } from "../support/git_repository.ts";
import { seeded } from "../support/random.ts";
import { SERVER, startDaemon } from "../support/server.ts";
import {
  runSession,
  v2Command,
  withoutIdentity,
} from "../support/server_session.ts";
import {
  connectWire,
  gitRequest,
  packets,
  parsePackets,
  toBuffer,
  type Wire,
} from "../support/wire_client.ts";

type Version = 0 | 1 | 2;

/** The repositories, by the name of what is special about them. */
const SHAPES = [
  "full",
  "detached",
  "unborn",
  "empty",
  "absent-symref",
  "odd-head",
  "shallow",
  "alternates",
] as const;

type Shape = typeof SHAPES[number];

const LS_REFS: readonly (readonly string[])[] = [
  [],
  ["peel"],
  ["symrefs"],
  ["peel", "symrefs"],
  ["peel", "symrefs", "unborn"],
  ["unborn"],
  ["symrefs", "unborn", "ref-prefix HEAD"],
  ["peel", "symrefs", "unborn", "ref-prefix refs/heads/"],
  ["peel", "ref-prefix refs/tags/of"],
  ["symrefs", "ref-prefix refs/remotes/", "ref-prefix HEAD"],
  ["ref-prefix refs/heads/main", "ref-prefix refs/heads/"],
  ["ref-prefix refs/heads/topic/a", "ref-prefix refs/pull/1"],
  ["ref-prefix refs/heads/caf"],
  ["ref-prefix "],
  ["ref-prefix no-such"],
  ["ref-prefix H", "symrefs"],
  ["ref-prefix refs/heads/../heads"],
];

// Set up here, not in a hook: the tests below take these as constants.
const root = temporaryDirectory("advertisement");
for (const format of OBJECT_FORMATS) await buildShapes(format);
const daemon = await startDaemon({
  args: ["--export-all", `--base-path=${root}`],
});

after(async () => {
  await daemon.stop();
  rmSync(root, { recursive: true, force: true });
});

for (const format of OBJECT_FORMATS) {
  for (const shape of SHAPES) {
    describe(`the advertisement of a repository: ${shape}, ${format}`, () => {
      // git 2.39 tells a v0 client nothing of an empty repository: below.
      const versions = SERVER === "ours" && shape === "empty"
        ? [2] as const
        : [0, 1, 2] as const;
      itInParallel(versions.flatMap((version) => [
        {
          title: `has git's bytes over git://, protocol v${version}`,
          run: () => checkDaemon(format, shape, version, []),
        },
        {
          title: `has git's bytes from serve-command, protocol v${version}`,
          run: () => checkCommand(format, shape, version, []),
        },
      ]));
    });
    describe(`ls-refs of a repository: ${shape}, ${format}`, () => {
      itInParallel([
        {
          title: "has git's bytes over git:// for each set of arguments",
          run: () => checkDaemon(format, shape, 2, lsRefs(format)),
        },
        {
          title: "has git's bytes from serve-command for each of them",
          run: () => checkCommand(format, shape, 2, lsRefs(format)),
        },
      ]);
    });
  }

  describe(`ls-refs with random prefixes, ${format}`, () => {
    for (const seed of [1, 2, 3]) {
      it(`has git's bytes, seed ${seed}`, async () => {
        const names = lines(
          await git(["for-each-ref", "--format=%(refname)"], {
            cwd: pathOf(format, "full"),
          }),
        );
        const random = seeded(seed);
        const requests = Array.from({ length: 15 }, () => {
          const prefixes = Array.from({ length: 1 + random.int(6) }, () => {
            const name = random.pick(names);
            return `ref-prefix ${name.slice(0, 1 + random.int(name.length))}`;
          });
          const flags = ["peel", "symrefs", "unborn"]
            .filter(() => random.int(2) === 0);
          return v2Command("ls-refs", format, [...flags, ...prefixes]);
        });
        await checkDaemon(format, "full", 2, requests);
      });
    }

    it("ignores the prefixes when there are more than 65,535", async () => {
      // ls-refs.c: TOO_MANY_PREFIXES.
      const prefixes = Array.from(
        { length: 70_000 },
        (_, index) => `ref-prefix refs/none/${index}`,
      );
      await checkDaemon(format, "full", 2, [
        v2Command("ls-refs", format, ["peel", ...prefixes]),
      ]);
    });
  });
}

// As git does from 2.41 on, so that a client learns the object format.
if (SERVER === "ours") {
  describe("the v0 advertisement of an empty repository", () => {
    for (const format of OBJECT_FORMATS) {
      it(`is one line of git's capabilities, ${format}`, async () => {
        const [got, full] = await Promise.all([
          runSession({ path: pathOf(format, "empty"), protocol: 0 }),
          runSession({ path: pathOf(format, "detached"), protocol: 0 }, "git"),
        ]);
        const [first] = parsePackets(toBuffer(full.stdout));
        assert.ok(first?.type === "data");
        const capabilities = first.text.slice(first.text.indexOf("\0"));
        const id = "0".repeat(first.text.indexOf(" "));
        const want = packets(`${id} capabilities^{}${capabilities}`, "0000");
        assertSame(got.stdout, want);
      });
    }
  });
}

describe("the advertisement under configuration", () => {
  const cases: readonly (readonly string[])[] = [
    ["uploadpack.allowTipSHA1InWant=true"],
    ["uploadpack.allowReachableSHA1InWant=true"],
    ["uploadpack.allowAnySHA1InWant=true"],
    // The first sets what the second takes back in part.
    [
      "uploadpack.allowAnySHA1InWant=true",
      "uploadpack.allowTipSHA1InWant=false",
    ],
    [
      "uploadpack.allowTipSHA1InWant=true",
      "uploadpack.allowReachableSHA1InWant=true",
      "uploadpack.allowAnySHA1InWant=false",
    ],
    ["lsrefs.unborn=allow"],
    ["uploadpack.allowRefInWant=true", "uploadpack.allowSidebandAll=true"],
    ["uploadpack.allowSidebandAll=yes", "uploadpack.allowRefInWant=no"],
    ["lsrefs.unborn=ignore"],
    ["uploadpack.hideRefs=refs/pull"],
    ["transfer.hideRefs=refs/heads/many", "uploadpack.hideRefs=refs/tags"],
    [
      "transfer.hideRefs=refs/tags",
      "transfer.hideRefs=!refs/tags/v0.1",
      "transfer.hideRefs=refs/heads/dev",
    ],
    // HEAD is shown though what it names is not.
    ["transfer.hideRefs=refs/heads/"],
    ["transfer.hideRefs=HEAD"],
    [
      "uploadpack.hideRefs=!refs/heads/many",
      "transfer.hideRefs=^refs/heads///",
      "uploadpack.hideRefs=!^refs/heads/main",
      "receive.hideRefs=refs/tags",
    ],
    // No ref has either of these as a part of its path.
    ["transfer.hideRefs=refs/heads/ma", "transfer.hideRefs=/"],
  ];
  for (const [index, settings] of cases.entries()) {
    it(`has git's bytes with ${settings.join(" ")}`, async () => {
      const name = `configured-${index}.git`;
      copyRepository(pathOf("sha1", "full"), join(root, name));
      for (const setting of settings) {
        const [key, value] = setting.split("=") as [string, string];
        gitSync(["config", "--add", key, value], { cwd: join(root, name) });
      }
      for (const version of [0, 1, 2] as const) {
        const inputs = version === 2 ? lsRefs("sha1") : [];
        await compareDaemon(name, version, inputs);
      }
    });
  }
});

describe("ls-refs asked again", () => {
  it("has git's bytes after each change of refs and objects", async () => {
    const name = "changing.git";
    const path = join(root, name);
    copyRepository(pathOf("sha1", "full"), path);
    const run = (...args: readonly string[]): string =>
      gitSync(args, { cwd: path }).trim();
    const ask = async (): Promise<void> => {
      for (const version of [2, 0, 2, 0] as const) {
        const inputs = version === 2 ? lsRefs("sha1") : [];
        await compareDaemon(name, version, inputs);
      }
    };
    const main = run("rev-parse", "main");
    const lost = run("commit-tree", "-m", "lost", `${main}^{tree}`);
    const lostPath = join(path, "objects", lost.slice(0, 2), lost.slice(2));
    await ask();
    run("pack-refs", "--all", "--prune");
    await ask();
    run("update-ref", "refs/heads/lost", lost);
    await ask();
    run("pack-refs", "--all", "--prune");
    await ask();
    // Ours leaves out a ref whose object is gone, until it is back.
    const bytes = readFileSync(lostPath);
    rmSync(lostPath);
    for (const version of SERVER === "ours" ? [2, 0, 2, 0] as const : []) {
      const wire = await connectWire(daemon.port);
      const inputs = version === 2 ? lsRefs("sha1") : [];
      const request = gitRequest(`/${name}`, { protocol: version });
      await wire.send(request, sessionInput(inputs));
      const text = toBuffer(await wire.untilClosed(60_000)).toString("latin1");
      assert.ok(text.includes(" refs/heads/main"));
      assert.ok(!text.includes("refs/heads/lost"));
    }
    writeFileSync(lostPath, bytes);
    await ask();
    run("update-ref", "refs/heads/main", `${main}~1`);
    await ask();
    run("update-ref", "-d", "refs/heads/lost");
    await ask();
    run("config", "transfer.hideRefs", "refs/tags");
    await ask();
    run("symbolic-ref", "HEAD", "refs/heads/nowhere");
    await ask();
  });
});

function lsRefs(format: ObjectFormat): Uint8Array[] {
  return LS_REFS.map((args) => v2Command("ls-refs", format, args));
}

async function checkDaemon(
  format: ObjectFormat,
  shape: Shape,
  version: Version,
  requests: readonly Wire[],
): Promise<void> {
  await compareDaemon(`${format}-${shape}.git`, version, requests);
}

async function compareDaemon(
  name: string,
  version: Version,
  requests: readonly Wire[],
): Promise<void> {
  const input = sessionInput(requests);
  const wire = await connectWire(daemon.port);
  await wire.send(gitRequest(`/${name}`, { protocol: version }), input);
  const [got, want] = await Promise.all([
    wire.untilClosed(60_000),
    runSession({ path: join(root, name), protocol: version, input }, "git"),
  ]);
  assertSame(answers(got, requests), answers(want.stdout, requests));
}

async function checkCommand(
  format: ObjectFormat,
  shape: Shape,
  version: Version,
  requests: readonly Wire[],
): Promise<void> {
  const session = {
    path: pathOf(format, shape),
    protocol: version,
    input: sessionInput(requests),
  };
  const [got, want] = await Promise.all([
    runSession(session),
    runSession(session, "git"),
  ]);
  assertSame(answers(got.stdout, requests), answers(want.stdout, requests));
  assert.equal(got.code, want.code);
}

/** The requests of one connection, and the flush that ends it. */
function sessionInput(requests: readonly Wire[]): Uint8Array {
  return toBuffer(
    requests.map((each) => toBuffer(each).toString("latin1")).join("") +
      "0000",
  );
}

/** The advertisement when nothing was asked, or the answers after it. */
function answers(bytes: Wire, requests: readonly Wire[]): Wire {
  if (requests.length === 0) return bytes;
  const text = toBuffer(bytes).toString("latin1");
  return text.slice(text.indexOf("\n0000") + "\n0000".length);
}

function assertSame(got: Wire, want: Wire): void {
  const ours = withoutIdentity(got);
  const theirs = withoutIdentity(want);
  // The reference must have said something, or there is nothing to compare.
  assert.notEqual(theirs, "");
  if (ours === theirs) return;
  // Whole texts are 100 kB: show where they part.
  let at = 0;
  while (ours[at] === theirs[at]) at++;
  const from = Math.max(0, at - 200);
  assert.equal(ours.slice(from, at + 400), theirs.slice(from, at + 400));
}

function pathOf(format: ObjectFormat, shape: Shape): string {
  return join(root, `${format}-${shape}.git`);
}

async function buildShapes(format: ObjectFormat): Promise<void> {
  const path = (shape: Shape): string => pathOf(format, shape);
  const full = buildFixture({ path: path("full"), format });
  const variant = (shape: Shape): string => {
    copyRepository(full.path, path(shape));
    return path(shape);
  };
  const head = (repository: string, text: string): void =>
    writeFileSync(join(repository, "HEAD"), `${text}\n`);

  const main = gitSync(["rev-parse", "main"], { cwd: full.path }).trim();
  head(variant("detached"), main);
  head(variant("unborn"), "ref: refs/heads/not-born");
  emptyRepository(path("empty"), format);
  head(variant("odd-head"), "ref: refs/tags/of-tag");
  const absent = variant("absent-symref");
  gitSync(["symbolic-ref", "refs/heads/lost", "refs/heads/nowhere"], {
    cwd: absent,
  });
  gitSync(["symbolic-ref", "refs/heads/twice", "refs/remotes/origin/HEAD"], {
    cwd: absent,
  });
  await git([
    "clone",
    "--quiet",
    "--bare",
    "--depth=3",
    "--no-single-branch",
    `file://${full.path}`,
    path("shallow"),
  ]);
  repositoryWithAlternates(full, path("alternates"));
}
