/**
 * upload-archive held to git's: what `git archive --remote` gets from ours, and
 * says, is what it gets from `git upload-archive` in the same repository.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { rmSync } from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { emptyRepository, importStream } from "../support/fixture.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { FastImport, FIRST_DATE } from "../support/fixture_history.ts";
import { gitSync, tryGit, tryGitAgain } from "../support/git.ts";
import { inParallel } from "../support/git_jobs.ts";
import { oddTreeRepository } from "../support/odd_trees.ts";
import { type Daemon, SERVER, startDaemon } from "../support/server.ts";
import { after, before, describe, it } from "../support/test.ts";
import {
  connectWire,
  gitRequest,
  packets,
  parsePackets,
} from "../support/wire_client.ts";
import { readZip } from "../support/zip.ts";

const root = temporaryDirectory("archive-test");
const plain = plainRepository(join(root, "plain.git"));
const open = plainRepository(join(root, "open.git"));
gitSync(["config", "uploadarchive.allowUnreachable", "true"], { cwd: open });
let daemon: Daemon;

before(async () => {
  daemon = await startDaemon({
    args: ["--export-all", `--base-path=${root}`, root],
  });
});

after(async () => {
  await daemon.stop();
  rmSync(root, { recursive: true, force: true });
});

/** As the daemon knows a repository. */
function urlPath(repository: string): string {
  return `/${basename(repository)}`;
}

interface Got {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What git archive gets from ours and from git's own. */
async function both(
  repository: string,
  args: readonly string[],
): Promise<{ readonly ours: Got; readonly theirs: Got }> {
  const [ours, theirs] = await Promise.all([
    tryGit(["archive", `--remote=${daemon.url(urlPath(repository))}`, ...args]),
    tryGitAgain(["archive", `--remote=${repository}`, ...args]),
  ]);
  return { ours: heard(ours), theirs: heard(theirs) };
}

/** Without what git's own program says beside the client. */
function heard({ code, stdout, stderr }: Got): Got {
  const lines = stderr.split("\n").filter((line) =>
    !line.startsWith("fatal: sent error to the client")
  );
  return { code, stdout, stderr: lines.join("\n") };
}

/** Of trees the time is that of now: the same bytes but for that. */
function withoutTimes(tar: string): string {
  const bytes = Buffer.from(tar, "latin1");
  for (let at = 0; at + 512 <= bytes.length;) {
    bytes.fill(0, at + 136, at + 156);
    const size = Number.parseInt(
      bytes.toString("latin1", at + 124, at + 135),
      8,
    );
    at += 512 + Math.ceil((size || 0) / 512) * 512;
  }
  return bytes.toString("latin1");
}

async function assertSame(
  repository: string,
  args: readonly string[],
): Promise<void> {
  const { ours, theirs } = await both(repository, args);
  const what = `git archive ${args.join(" ")} of ${repository}`;
  assert.equal(ours.stderr, theirs.stderr, what);
  const isSame = ours.stdout === theirs.stdout ||
    (isOfTree(args) &&
      withoutTimes(ours.stdout) === withoutTimes(theirs.stdout));
  assert.ok(isSame, `${what}: other bytes`);
  assert.equal(ours.code, theirs.code, what);
}

function isOfTree(args: readonly string[]): boolean {
  return args.some((each) => each.includes(":") || each.includes("tree"));
}

describe("archives of odd trees", () => {
  for (const seed of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]) {
    const format = seed % 4 === 0 ? "sha256" : "sha1";
    it(`are git's, by the seed ${seed}`, async () => {
      const path = oddTreeRepository(
        join(root, `odd-${seed}.git`),
        seed,
        format,
      );
      const prefix = ["", "a/", "deep/er//", "x"][seed % 4] as string;
      const args = ["-v", `--prefix=${prefix}`, "v1"];
      await assertSame(path, args);
      const gzip = await both(path, ["--format=tgz", "-1", ...args]);
      assert.equal(gzip.ours.stderr, gzip.theirs.stderr);
      assert.ok(unzipped(gzip.ours).equals(unzipped(gzip.theirs)));
      const level = `-${seed % 10}`;
      const zip = await both(path, ["--format=zip", level, ...args]);
      assert.equal(zip.ours.stderr, zip.theirs.stderr);
      sameZip(zip.ours.stdout, zip.theirs.stdout);
    });
  }
});

function unzipped({ stdout }: Got): Buffer {
  return gunzipSync(Buffer.from(stdout, "latin1"));
}

function sameZip(ours: string, theirs: string): void {
  const [a, b] = [ours, theirs].map((each) =>
    readZip(Buffer.from(each, "latin1"))
  );
  assert.ok(a !== undefined && b !== undefined);
  assert.equal(a.comment, b.comment);
  // Another compressor may find that what is tiny grows, or that it does not.
  const essence = (zip: typeof a) =>
    zip.entries.map(({ isDeflated, ...rest }) => ({
      ...rest,
      ...(rest.size > 64 ? { isDeflated } : {}),
    }));
  assert.deepEqual(essence(a), essence(b));
}

describe("arguments", () => {
  const cases: readonly (readonly string[])[] = [
    ["HEAD"],
    ["main"],
    ["heads/main"],
    ["refs/heads/main"],
    ["v1"],
    ["tags/v1"],
    ["light"],
    ["@"],
    ["both"],
    ["one"],
    ["origin"],
    ["main:dir"],
    ["main:dir/"],
    ["v1:dir/sub"],
    ["main:"],
    ["main:file"],
    ["main:absent"],
    ["main:file/x"],
    ["main:./dir"],
    ["main:../../etc"],
    [":dir"],
    [":"],
    ["main~1"],
    ["main^"],
    ["v1^{tree}"],
    ["blobtag"],
    ["treetag"],
    ["absent"],
    ["refs/heads/../../config"],
    ["config"],
    ["nothing:dir"],
    [],
    ["main", "dir"],
    ["main", "dir/"],
    ["main", "file", "dir/sub"],
    ["main", "d*"],
    ["main", ":(glob)dir/*"],
    ["main", ":(icase)DIR"],
    ["main", ":!dir"],
    ["main", ":(exclude)file", "."],
    ["main", "absent"],
    ["main", "dir/absent", "file"],
    ["main", "*.none"],
    ["main", "../x"],
    ["main", "/etc/passwd"],
    ["main", ":(bad)x"],
    ["main", "--", "dir"],
    ["--prefix", "p/", "main"],
    ["--prefix=p", "main", "dir"],
    ["--pre=p/", "main"],
    ["--no-prefix", "main"],
    ["--format=tar", "main"],
    ["--format", "tar", "main"],
    ["--form=evil", "main"],
    ["--format=", "main"],
    ["--format=TAR", "main"],
    ["--list"],
    ["-l"],
    ["--list", "--no-list", "main"],
    ["-lv"],
    ["-h"],
    ["-v", "main"],
    ["-vv", "main", "dir"],
    ["--verbose", "--no-verbose", "main"],
    ["--worktree-attributes", "main"],
    ["-5", "main"],
    ["-9v", "main"],
    ["--format=zip", "-10", "main"],
    ["--format=tgz", "-12", "main"],
    ["-4294967305", "main"],
    ["-99999999999999999999", "main"],
    ["--evil", "main"],
    ["-x", "main"],
    ["-vx", "main"],
    ["-\xe9", "main"],
    ["--no-evil", "main"],
    ["--list=x"],
    ["--no-list=x"],
    ["--format"],
    ["--prefix"],
    ["-format=zip", "main"],
    ["-no-list", "main"],
    ["--add-virtual-file=x:y", "main"],
    ["--add-virtual-file=x:y", "--no-add-virtual-file", "main"],
    ["--add", "main"],
    ["--w", "main"],
    ["--no-v", "main"],
    ["--end-of-options", "main"],
    ["-", "main"],
    ["", "main"],
    ["main", ""],
    ["main", "main"],
  ];
  for (const [title, repository] of [["refs", plain], ["ids", open]] as const) {
    it(`have git's effects and words where ${title} may be named`, async () => {
      await inParallel(cases, (args) => assertSame(repository, args));
    });
  }

  it("name objects in every way where that is allowed", async () => {
    const ids = gitSync([
      "rev-parse",
      "main",
      "main~1",
      "main:dir",
      "v1",
      "main:file",
    ], {
      cwd: open,
    }).trim().split("\n");
    const [main = "", parent = "", dir = "", tag = "", file = ""] = ids;
    const names = [
      ...[main, parent, `${parent}:dir`, tag, `${tag}^{}`, `${tag}^{commit}`],
      ...[main.slice(0, 10), parent.slice(0, 7), main.toUpperCase(), "main~2"],
      ...["main^^", "main^0", "main~0~1", "main^2", "main^3", "side^{tree}"],
      ...["v1~1:dir", "v1^{blob}", "v1^{object}", "v1^{tag}", "main^{tag}"],
      ...[`v1-2-g${main.slice(0, 8)}`, "f".repeat(40), "0".repeat(40)],
      ...[
        "main~99999",
        "main~99999999999",
        "abc",
        "^{tree}",
        "~1",
        "main^{bad}",
      ],
    ];
    await inParallel(names, (name) => assertSame(open, [name]));
    await inParallel(names, (name) => assertSame(plain, [name]));
    for (const tree of [`${dir}^{tree}`, `${main}^{tree}`, "treetag"]) {
      await assertSame(open, [tree]);
    }
    await assertSame(open, [file]);
  });

  it("take no path or host of the server's", async () => {
    const refused = [
      ["argument --output=/tmp/x", "Unexpected option --output"],
      ["argument -o/tmp/x", "Unexpected option --output"],
      ["argument --remote=x", "Unexpected option --remote"],
      ["argument --exec=x", "the option '--exec' requires '--remote'"],
      [
        `argument --add-file=${join(root, "plain.git", "config")}`,
        "options '--add-file' and '--remote' cannot be used together",
      ],
    ] as const;
    for (const [line, message] of refused) {
      const { errors } = await talk(packets(line, "argument main", "0000"));
      assert.equal(errors, `fatal: ${message}\n`, line);
    }
  });

  it("list the formats that are offered", async () => {
    const path = plainRepository(join(root, "listed.git"));
    gitSync(["config", "tar.tgz.remote", "false"], { cwd: path });
    await assertSame(path, ["--list"]);
    await assertSame(path, ["--format=tgz", "main"]);
    gitSync(["config", "tar.xz.command", "touch run && cat"], { cwd: path });
    await assertSame(path, ["--list"]);
    await assertSame(path, ["--format=xz", "main"]);
    if (SERVER === "git") return;
    gitSync(["config", "tar.xz.remote", "true"], { cwd: path });
    const { ours } = await both(path, ["--format=xz", "main"]);
    assert.match(ours.stderr, /needs a command .* not run/);
  });
});

describe("trees that nobody should unpack", () => {
  it("are refused with git's words", async () => {
    const path = plainRepository(join(root, "hostile.git"));
    const blob = gitSync(["rev-parse", "main:file"], { cwd: path }).trim();
    const names: readonly (readonly [string, string])[] = [
      ...["..", ".", ".git", ".GiT", "git~1", ".git ", ".git...", ".git::x"]
        .map(
          (name) => ["100644", name] as const,
        ),
      ...["a\\.git", "a\\b", "a/b", "a/../b", "/a", ".gitmodules"].map(
        (name) => ["100644", name] as const,
      ),
      ...[".gitmodules", ".GITMODULES ", "gitmod~1", "gi7eba~2"].map(
        (name) => ["120000", name] as const,
      ),
      ["160000", ".git"],
    ];
    for (const [index, [mode, name]] of names.entries()) {
      const tree = gitSync(
        ["hash-object", "-t", "tree", "-w", "--literally", "--stdin"],
        {
          cwd: path,
          input: Buffer.concat([
            Buffer.from(`${mode} ${name}\0`, "latin1"),
            Buffer.from(blob, "hex"),
          ]),
        },
      ).trim();
      const commit = gitSync(["commit-tree", tree, "-m", "x"], { cwd: path });
      gitSync(["update-ref", `refs/tags/t${index}`, commit.trim()], {
        cwd: path,
      });
    }
    await inParallel(names, (_, index) => assertSame(path, [`t${index}`]));
  });

  it("are refused where objects are missing", async () => {
    const path = plainRepository(join(root, "torn.git"));
    for (const name of ["main:file", "main:dir"]) {
      const oid = gitSync(["rev-parse", name], { cwd: path }).trim();
      const file = join(path, "objects", oid.slice(0, 2), oid.slice(2));
      rmSync(file);
      const { ours, theirs } = await both(path, ["main"]);
      // git says more of it, the same among it.
      const said = new Set(theirs.stderr.split("\n"));
      for (const line of ours.stderr.split("\n")) {
        assert.ok(said.has(line), line);
      }
      assert.ok(ours.stderr.includes(oid), name);
      assert.equal(ours.code, theirs.code);
    }
  });
});

describe("archives of very many files", () => {
  it("are git's, with the zip64 records that they take", async () => {
    const path = emptyRepository(join(root, "many.git"), "sha1");
    const stream = new FastImport();
    const blob = stream.blob("the same\n");
    stream.commit({
      ref: "refs/heads/main",
      parents: [],
      date: FIRST_DATE,
      changes: Array.from(
        { length: 66_000 },
        (_, i) => `M 100644 :${blob} ${i % 300}/${i}`,
      ),
    });
    importStream(path, stream, "packed");
    gitSync(["config", "daemon.uploadarch", "true"], { cwd: path });
    const zip = await both(path, ["--format=zip", "-0", "main"]);
    assert.ok(zip.ours.stdout === zip.theirs.stdout, "other bytes");
    assert.equal(
      readZip(Buffer.from(zip.ours.stdout, "latin1")).entries.length,
      66_300,
    );
  });
});

describe("formats in files", () => {
  it("tell of the commit what git tells", async () => {
    const path = emptyRepository(join(root, "formats.git"), "sha1");
    const stream = new FastImport();
    const lines = [
      ...[
        "%H %h %T %t %P %p",
        "%an %aN %ae %aE %al %aL",
        "%ad %aD %at %ai %aI",
      ],
      ...["%cn %cN %ce %cd %ct %ci %cs %as", "%s|%f|%b|%B", "%d|%D", "%e%n%%"],
      ...["%x41%m", "%<(12,trunc)%s|%>(20)%h|%><(30)%an", "%w(20,2,4)%B"],
      // What is too wide is no format.
      ...["%<(99999999999)%s|%>(2147483648)%s", "%><(16385)%s|%<(-5)%s"],
      ...["%w(99999999999,1,1)%b|%w(1,2147483648,1)%b", "%w(0,16385,1)%s"],
      ...[
        "%(describe)",
        "%(describe:tags=true)",
        "%(trailers:only)",
        "%Cred%x",
      ],
    ];
    const text = lines.map((each) => `$Format:${each}$ and $Id$\n`).join("");
    const first = stream.commit({
      ref: "refs/heads/main",
      parents: [],
      date: FIRST_DATE,
      changes: [
        stream.file(".gitattributes", "*.txt export-subst\n"),
        stream.file(
          ".mailmap",
          "Proper Name <proper@example.com> <author@example.com>\n",
        ),
      ],
    }).mark;
    stream.tag("v0.9", first, FIRST_DATE + 5);
    stream.commit({
      ref: "refs/heads/main",
      parents: [first],
      date: FIRST_DATE + 20,
      message: "A subject\n\nA body.\n\nSigned-off-by: A <a@example.com>\n",
      changes: [
        stream.file("a.txt", text),
        stream.file("b.txt", `${text}$Format:open\n`),
        stream.file("c.text", text),
      ],
    });
    importStream(path, stream, "loose");
    gitSync(["config", "daemon.uploadarch", "true"], { cwd: path });
    gitSync(["update-ref", "refs/tags/light", "main"], { cwd: path });
    await assertSame(path, ["main"]);
    await assertSame(path, ["main", "a.txt"]);
    gitSync(["repack", "-adq"], { cwd: path });
    gitSync(["config", "core.abbrev", "12"], { cwd: path });
    await assertSame(path, ["light"]);
  });
});

/** What a client that writes its own packets gets. */
async function talk(
  sent: Uint8Array,
): Promise<{ readonly bands: readonly string[]; readonly errors: string }> {
  const client = await connectWire(daemon.port);
  // A server that has seen enough need not read the rest.
  client.send(
    gitRequest(urlPath(plain), { service: "git-upload-archive" }),
    sent,
  )
    .then(() => client.endWriting(), () => {});
  const bytes = await client.untilClosed();
  const bands = ["", "", "", ""];
  const lines: string[] = [];
  for (const packet of parsePackets(bytes, "lenient")) {
    if (packet.type !== "data") lines.push(packet.type);
    else if (packet.text === "ACK\n") lines.push("ACK");
    else {
      const band = packet.text.charCodeAt(0);
      bands[band] += packet.text.slice(1);
    }
  }
  assert.deepEqual(lines.slice(0, 2), ["ACK", "flush"]);
  if (bands[3] !== "") {
    assert.equal(bands[3], "git upload-archive: archiver died with error");
    assert.equal(lines.length, 2, "no flush after a failure");
  }
  return { bands, errors: bands[2] ?? "" };
}

describe("requests that are none", () => {
  const many = (count: number) =>
    packets(
      ...Array.from({ length: count }, () => "argument --verbose"),
      "0000",
    );
  it("end with git's words", async () => {
    const cases: readonly (readonly [string, Uint8Array, string])[] = [
      [
        "no flush",
        packets("argument main"),
        "the remote end hung up unexpectedly",
      ],
      ["nothing", packets(), "the remote end hung up unexpectedly"],
      [
        "no argument",
        packets("main", "0000"),
        "'argument' token or flush expected",
      ],
      ["65 arguments", many(65), "Too many options (>63)"],
      ["100,000 arguments", many(100_000), "Too many options (>63)"],
      [
        "half a packet",
        Buffer.from("0020argument"),
        "the remote end hung up unexpectedly",
      ],
      [
        "no packet",
        Buffer.from("xxxx"),
        "protocol error: bad line length character: xxxx",
      ],
    ];
    for (const [title, sent, message] of cases) {
      const { errors } = await talk(sent);
      assert.equal(errors, `fatal: ${message}\n`, title);
    }
  });

  it("may be as long as packets are", async () => {
    const long = "x".repeat(65_000);
    const { errors } = await talk(packets(`argument ${long}`, "0000"));
    const message = `fatal: no such ref: ${long}`.slice(0, 4095);
    assert.ok(errors === `${message}\n`);
    const prefix = `argument --prefix=${"y".repeat(60_000)}`;
    const { bands } = await talk(packets(prefix, "argument main", "0000"));
    assert.ok((bands[1]?.length ?? 0) > 200_000);
  });

  it("may have 64 arguments, and end in any empty packet", async () => {
    const lines = Array.from({ length: 63 }, () => "argument --no-verbose\n");
    for (const end of ["0000", "0001", "0002", "0004", "0005\n"]) {
      const { bands } = await talk(
        Buffer.concat([
          packets(...lines, "argument main\n"),
          Buffer.from(end),
        ]),
      );
      assert.equal(bands[2], "");
      assert.ok((bands[1]?.length ?? 0) >= 10_240, end);
    }
  });
});

/** Two commits and a merge, tags of all kinds, refs that are ambiguous. */
function plainRepository(path: string): string {
  emptyRepository(path, "sha1");
  const stream = new FastImport();
  const first = stream.commit({
    ref: "refs/heads/main",
    parents: [],
    date: FIRST_DATE,
    message: "first\n",
    changes: [
      stream.file("file", "one\n"),
      stream.file("dir/sub/deep", "deep\n"),
      stream.file("dir/run", "#!/bin/sh\n", "100755"),
      stream.file(
        ".gitattributes",
        "kept -export-ignore\n*.secret export-ignore\n",
      ),
      stream.file("a.secret", "secret\n"),
      stream.file("only/b.secret", "secret\n"),
    ],
  }).mark;
  const side = stream.commit({
    ref: "refs/heads/side",
    parents: [first],
    date: FIRST_DATE + 10,
    changes: [stream.file("side", "side\n")],
  }).mark;
  const main = stream.commit({
    ref: "refs/heads/main",
    parents: [first, side],
    date: FIRST_DATE + 20,
    changes: [stream.file("file", "two\n")],
  }).mark;
  stream.tag("v1", main, FIRST_DATE + 30);
  importStream(path, stream, "loose");
  const refs: readonly (readonly [string, string])[] = [
    ["refs/tags/light", "main"],
    ["refs/tags/both", "side"],
    ["refs/heads/both", "main"],
    ["refs/one", "main"],
    ["refs/remotes/origin/main", "main"],
    ["refs/tags/blobtag", "main:file"],
    ["refs/tags/treetag", "main:dir/sub"],
  ];
  gitSync(["config", "daemon.uploadarch", "true"], { cwd: path });
  for (const [ref, value] of refs) {
    gitSync(["update-ref", ref, value], { cwd: path });
  }
  gitSync(
    ["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main"],
    { cwd: path },
  );
  return path;
}
