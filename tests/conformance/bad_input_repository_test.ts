/**
 * Repositories in a bad state: torn refs, odd files where refs belong, broken
 * packed-refs, strange HEADs and alternates. What git serves we serve, what
 * it refuses we refuse, and nothing blocks.
 *
 * @module
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "../support/test.ts";
import { emptyRepository } from "../support/fixture.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import {
  type SmallRepository,
  smallRepository,
} from "../support/fixture_small.ts";
import { gitSync, tryGit } from "../support/git.ts";
import { SERVER, startDaemon } from "../support/server.ts";
import { runSession, withoutIdentity } from "../support/server_session.ts";
import { expectRefusal, startCloneLoop } from "../support/server_refusal.ts";
import { converse, gitRequest } from "../support/wire_client.ts";

// Set up here, not in a hook: the tests below take these as constants.
const root = temporaryDirectory("repository");
smallRepository(join(root, "good.git"));
const daemon = await startDaemon({
  args: [`--base-path=${root}`, "--export-all"],
});
const loop = startCloneLoop(daemon.url("/good.git"));
let nextRepository = 0;

after(async () => {
  await daemon.stop();
  rmSync(root, { recursive: true, force: true });
});

/** Damages a fresh repository. */
type Damage = (repository: SmallRepository) => void;

function ref(name: string, content: string): Damage {
  return ({ path }) => writeFileSync(join(path, name), content, "latin1");
}

describe("a repository that git still serves", () => {
  const cases: readonly (readonly [string, Damage])[] = [
    ["with a ref of 0 bytes", ref("refs/heads/torn", "")],
    ["with a ref of 4 bytes", ref("refs/heads/torn", "dead")],
    ["with a ref of 39 digits", ref("refs/heads/torn", `${"a".repeat(39)}\n`)],
    [
      "with a ref of 41 bytes with a NUL",
      ref("refs/heads/torn", `${"a".repeat(39)}\0\n`),
    ],
    [
      "with garbage after an id",
      (repository) => ref("refs/heads/t", `${repository.main}x\n`)(repository),
    ],
    [
      "with a space and garbage after an id",
      (repository) => ref("refs/heads/t", `${repository.main} x\n`)(repository),
    ],
    [
      "with a ref to an absent object",
      ref("refs/heads/gone", `${"1".repeat(40)}\n`),
    ],
    [
      "with the null id in a ref",
      ref("refs/heads/null", `${"0".repeat(40)}\n`),
    ],
    ["with a symref to itself", ref("refs/heads/me", "ref: refs/heads/me\n")],
    [
      "with a symref outside refs/",
      ref("refs/heads/out", "ref: ../../../etc/passwd\n"),
    ],
    [
      "with a ref whose name is bad",
      (repository) =>
        ref("refs/heads/a..b", `${repository.main}\n`)(repository),
    ],
    [
      "with a lock file beside a ref",
      (repository) =>
        ref("refs/heads/main.lock", `${repository.main}\n`)(repository),
    ],
    [
      "with an empty directory named like a ref",
      ({ path }) => mkdirSync(join(path, "refs/heads/directory")),
    ],
    [
      "with a ref that is a link to /etc/passwd",
      ({ path }) => symlinkSync("/etc/passwd", join(path, "refs/heads/link")),
    ],
    [
      "with a HEAD that is a chain of symrefs",
      (repository) => {
        ref("refs/heads/one", "ref: refs/heads/two\n")(repository);
        ref("refs/heads/two", "ref: refs/heads/main\n")(repository);
        ref("HEAD", "ref: refs/heads/one\n")(repository);
      },
    ],
    [
      "with a HEAD in a loop",
      (repository) => {
        ref("refs/heads/one", "ref: refs/heads/two\n")(repository);
        ref("refs/heads/two", "ref: refs/heads/one\n")(repository);
        ref("HEAD", "ref: refs/heads/one\n")(repository);
      },
    ],
    [
      "with a HEAD detached at an absent commit",
      ref("HEAD", `${"2".repeat(40)}\n`),
    ],
    ["with alternates in a loop", alternates((path) => `${path}/objects\n`)],
    ["with an absent alternate", alternates(() => "/no/such/objects\n")],
    ["with a relative absent one", alternates(() => "../../../../none\n")],
    [
      "with comments and empty lines in alternates",
      alternates(() => "# comment\n\n\n"),
    ],
    ["with garbage for an alternate", alternates(() => '\x01\xff\n"\\x\n')],
    ["with a file for an alternate", alternates((path) => `${path}/HEAD\n`)],
  ];
  for (const [what, damage] of cases) {
    it(`is advertised with git's bytes: ${what}`, async () => {
      const name = damaged(damage);
      for (const protocol of [0, 1] as const) {
        const [got, want] = await Promise.all([
          converse(daemon.port, [
            gitRequest(`/${name}`, { protocol }),
            "0000",
          ]),
          runSession({ path: join(root, name), protocol }, "git"),
        ]);
        const theirs = withoutIdentity(want.stdout);
        assert.equal(
          withoutIdentity(got),
          SERVER === "git" ? theirs : withoutBrokenRefs(theirs),
        );
      }
    });

    it(`is cloned as with git: ${what}`, async () => {
      const name = damaged(damage);
      const [got, want] = await Promise.all(
        [daemon.url(`/${name}`), `file://${join(root, name)}`].map((url) =>
          tryGit(["clone", "--quiet", "--mirror", url, `${root}/${unique()}`])
        ),
      );
      // Where only a ref is broken, the others can still be had of ours.
      const isRef = SERVER === "ours" && /a ref|after an id/.test(what);
      assert.equal(got?.code, isRef ? 0 : want?.code, got?.stderr);
      assert.ok(!got?.stderr.includes("root:"), "the content of /etc/passwd");
    });
  }

  it("is cloned through five alternates, and as with git through six", async () => {
    for (const depth of [4, 5, 6, 7]) {
      const name = chained(depth);
      const [got, want] = await Promise.all(
        [daemon.url(`/${name}`), `file://${join(root, name)}`].map((url) =>
          tryGit(["clone", "--quiet", "--mirror", url, `${root}/${unique()}`])
        ),
      );
      assert.equal(got?.code, want?.code, `depth ${depth}: ${got?.stderr}`);
    }
  });

  // git opens a FIFO for reading and waits for somebody to write.
  if (SERVER === "ours") {
    it("is served when a ref is a FIFO", async () => {
      const name = damaged(({ path }) => {
        const made = spawnSync("mkfifo", [join(path, "refs/heads/fifo")]);
        assert.equal(made.status, 0);
      });
      const answer = await converse(daemon.port, [
        gitRequest(`/${name}`),
        "0000",
      ]);
      assert.ok(answer.length > 200);
    });
  }
});

describe("a repository that git refuses", () => {
  const main = (text: string): Damage => ({ path, main }) => {
    gitSync(["pack-refs", "--all"], { cwd: path });
    const file = join(path, "packed-refs");
    const old = readFileSync(file, "latin1");
    writeFileSync(file, text.replace("OLD", old).replaceAll("ID", main));
  };
  const cases: readonly (readonly [string, Damage, RegExp])[] = [
    [
      "garbage in packed-refs",
      main("OLDgarbage\n"),
      /unexpected line in .*packed-refs: garbage/,
    ],
    [
      "a short id in packed-refs",
      main("OLDabcd refs/heads/zz\n"),
      /unexpected line in .*packed-refs: abcd refs\/heads\/zz/,
    ],
    [
      "packed-refs without a last line feed",
      main("OLDID refs/heads/zz"),
      /unterminated line in .*packed-refs: [0-9a-f]{40} refs\/heads\/zz/,
    ],
  ];
  for (const [what, damage, words] of cases) {
    it(`is refused before the first ref: ${what}`, async () => {
      const name = damaged(damage);
      await expectRefusal(daemon, {
        send: [gitRequest(`/${name}`), "0000"],
        words,
        to: "log",
        secrets: [" refs/heads/", " HEAD"],
      });
    });
  }
});

it("clients beside all this clone as ever", async () => {
  assert.ok(await loop.stop() > 0);
});

/**
 * git 2.39 advertises a ref that it cannot read with the null id, and one
 * whose object is absent as if it were there; then every clone of the
 * repository fails. Ours leaves them out.
 */
function withoutBrokenRefs(advertisement: string): string {
  return advertisement
    .replace(
      /\[[0-9a-f]{4}\](0{40} [^\n]*|[0-9a-f]{40} refs\/heads\/gone)\n/g,
      "",
    );
}

function unique(): string {
  return `n${nextRepository++}`;
}

function damaged(damage: Damage): string {
  const name = `${unique()}.git`;
  damage(smallRepository(join(root, name)));
  return name;
}

function alternates(content: (path: string) => string): Damage {
  return ({ path }) => {
    mkdirSync(join(path, "objects/info"), { recursive: true });
    writeFileSync(
      join(path, "objects/info/alternates"),
      content(path),
      "latin1",
    );
  };
}

/** A repository whose objects are `depth` alternates away. */
function chained(depth: number): string {
  let { path } = smallRepository(join(root, `${unique()}.git`));
  const main = gitSync(["rev-parse", "main"], { cwd: path });
  for (let i = 0; i < depth; i++) {
    const next = emptyRepository(join(root, `${unique()}.git`), "sha1");
    mkdirSync(join(next, "objects/info"), { recursive: true });
    writeFileSync(
      join(next, "objects/info/alternates"),
      `${join(path, "objects")}\n`,
    );
    path = next;
  }
  writeFileSync(join(path, "refs/heads/main"), main);
  return path.slice(root.length + 1);
}

describe("a repository with a damaged object that a ref names", () => {
  it("is listed whole, and gives what does not need the object", async () => {
    const path = join(root, "damaged.git");
    const { main } = smallRepository(path);
    const damaged = "ab".repeat(20);
    mkdirSync(join(path, "objects/ab"), { recursive: true });
    writeFileSync(join(path, "objects/ab", "ab".repeat(19)), "torn");
    writeFileSync(join(path, "refs/tags/torn"), `${damaged}\n`);
    for (const version of [0, 2]) {
      const protocol = ["-c", `protocol.version=${version}`];
      const url = daemon.url("/damaged.git");
      const listed = await tryGit([...protocol, "ls-remote", url]);
      assert.equal(listed.code, 0, listed.stderr);
      assert.ok(listed.stdout.includes(`${damaged}\trefs/tags/torn\n`));
      assert.ok(listed.stdout.includes(`${main}\trefs/heads/main\n`));
      const target = join(root, `damaged-clone-${version}`);
      const cloned = await tryGit([
        ...protocol,
        ...["clone", "-q", "--bare", "--no-tags", "--single-branch"],
        url,
        target,
      ]);
      assert.equal(cloned.code, 0, cloned.stderr);
      assert.equal(
        gitSync(["rev-parse", "main"], { cwd: target }).trim(),
        main,
      );
    }
  });
});
