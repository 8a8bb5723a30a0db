/**
 * Every feature of repositories, of archives and of the daemon, a row each,
 * beside git's own programs. What goes deeper has tests of its own; that all
 * rows stand is read here.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import {
  chownSync,
  mkdirSync,
  readdirSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { gunzipSync } from "node:zlib";
import {
  type FeatureRow,
  FeatureWorld,
  linesOf,
  type Version,
  VERSIONS,
} from "../support/feature_world.ts";
import { copyRepository } from "../support/fixture.ts";
import { removeDirectory } from "../support/fixture_directory.ts";
import { exportOk } from "../support/fixture_small.ts";
import { lendPacks, packBases, writeInfo } from "../support/format_cases.ts";
import { gitSync, tryGit, tryGitAgain } from "../support/git.ts";
import { inParallel, itInParallel } from "../support/git_jobs.ts";
import { packedTypes } from "../support/pack_contents.ts";
import {
  convertToReftable,
  encodeReftable,
  writeStack,
} from "../support/reftable.ts";
import {
  daemonCommand,
  ourCommand,
  runDaemon,
  serviceScript,
  startDaemon,
} from "../support/server.ts";
import { runSession, withoutIdentity } from "../support/server_session.ts";
import { after, describe } from "../support/test.ts";
import {
  connectWire,
  converse,
  errorLine,
  gitRequest,
  packets,
  parsePackets,
} from "../support/wire_client.ts";
import { readZip } from "../support/zip.ts";

// Set up here, not in a hook: the rows below take these as constants.
const world = await FeatureWorld.start("features-served");
const plain = world.repository("plain.git");
const { main, parent, tag, hidden, unreachable } = plain;
world.repository("sha256.git", [], { format: "sha256" });
const packed = copyRepository(plain.path, world.path("packed.git"));
gitSync(["repack", "-adfq"], { cwd: packed });

after(async () => {
  await world.daemon.stop();
  removeDirectory(world.root);
});

let copies = 0;

/** A copy of the packed repository, stored in another way; its name. */
function stored(store: (path: string) => void): string {
  const name = `stored-${copies++}.git`;
  store(copyRepository(packed, world.path(name)));
  return name;
}

function run(path: string, ...args: readonly string[]): string {
  return gitSync(args, { cwd: path }).trim();
}

/** A row that is cloned whole, and is the same as from git. */
function whole(row: string, make: () => string): FeatureRow {
  const version = VERSIONS[copies % VERSIONS.length] as Version;
  const name = make();
  return {
    row,
    async shows() {
      const { state } = await world.cloned(name, ["--mirror"], version);
      assert.ok(state.refs.length > 0 && state.objects.length > 20);
    },
  };
}

/** The bytes of the pack that is sent for a whole clone. */
async function packSent(name: string, version: Version): Promise<Buffer> {
  const input = packets(`want ${main} ofs-delta\n`, "0000", "done\n");
  const said = Buffer.from(
    await converse(world.daemon.port, [
      gitRequest(`/${name}`, { protocol: version }),
      input,
    ]),
  );
  return said.subarray(said.indexOf("PACK"));
}

const REPOSITORIES: readonly FeatureRow[] = [
  {
    row: "sha256 repositories",
    async shows() {
      for (const version of VERSIONS) {
        await world.cloned("sha256.git", ["--mirror"], version);
      }
    },
  },
  {
    row: "namespaces by GIT_NAMESPACE",
    async shows() {
      const path = world.path(stored((copy) => {
        const inside = "refs/namespaces/a/refs/namespaces/b/";
        run(copy, "update-ref", `${inside}refs/heads/main`, parent);
        run(copy, "symbolic-ref", `${inside}HEAD`, `${inside}refs/heads/main`);
      }));
      for (const protocol of VERSIONS) {
        const input = protocol < 2
          ? "0000"
          : packets("command=ls-refs", "0001", "symrefs", "0000");
        const env = { GIT_NAMESPACE: "a/b" };
        const session = { path, protocol, input, env };
        const [ours, git] = await Promise.all([
          runSession(session, "ours"),
          runSession(session, "git"),
        ]);
        assert.equal(withoutIdentity(ours.stdout), withoutIdentity(git.stdout));
        assert.ok(ours.stdout.includes(`${parent} refs/heads/main`));
        assert.ok(!ours.stdout.includes(main));
        if (protocol === 2) continue;
        const want = packets(`want ${main}\n`, "0000", "done\n");
        const refused = await runSession({ ...session, input: want }, "ours");
        const like = await runSession({ ...session, input: want }, "git");
        assert.ok(refused.stdout.endsWith(`not our ref ${main}`));
        assert.equal(refused.stderr, like.stderr);
      }
    },
  },
  {
    row: "hideRefs with ! and ^",
    async shows() {
      const name = stored((copy) => {
        for (const value of ["refs/heads", "!refs/heads/main", "^refs/tags"]) {
          run(copy, "config", "--add", "transfer.hideRefs", value);
        }
        run(copy, "update-ref", "refs/heads/secret", parent);
      });
      for (const version of [0, 1] as const) {
        const told = (await world.advertised(name, version)).join("\n");
        assert.ok(told.includes("refs/heads/main"));
        assert.ok(!/refs\/heads\/secret|refs\/tags/.test(told), told);
      }
      const input = packets("command=ls-refs", "0001", "0000");
      for (const { raw } of await world.ask(name, 2, { input })) {
        assert.ok(!raw.includes("refs/heads/secret"));
      }
    },
  },
  whole("alternates", () =>
    stored((path) => {
      const lender = lendPacks(path, "lender.git");
      writeInfo(path, "alternates", `${join(lender, "objects")}\n`);
    })),
  whole(
    "http-alternates, which are for dumb clients",
    () =>
      stored((path) =>
        writeInfo(path, "http-alternates", "http://127.0.0.1:1/x/objects\n")
      ),
  ),
  whole("packed-refs", () => stored((path) => run(path, "pack-refs", "--all"))),
  {
    row: "reftable refs",
    async shows() {
      const like = await tryGit(["ls-remote", packed]);
      const name = stored((path) => {
        convertToReftable(path);
        const refs = [
          { name: "HEAD", symref: "refs/heads/main" },
          { name: "refs/heads/main", oid: main },
          { name: "refs/hidden/one", oid: hidden },
          { name: "refs/tags/v1", oid: tag, peeled: main },
        ];
        writeStack(path, [{
          name: "a.ref",
          bytes: encodeReftable(refs).bytes,
        }]);
      });
      for (const protocol of VERSIONS) {
        const url = world.daemon.url(`/${name}`);
        const { code, stdout } = await tryGit(["ls-remote", url], { protocol });
        assert.deepEqual([code, stdout], [0, like.stdout]);
        const clone = await tryGit(
          ["clone", "-q", "--mirror", url, world.path(`reftable-${protocol}`)],
          { protocol },
        );
        assert.deepEqual([clone.code, clone.stderr], [0, ""]);
      }
    },
  },
  whole("a work tree", () => {
    gitSync(["clone", "-q", packed, world.path("work")]);
    return "work";
  }),
  whole("a linked worktree: gitfile and commondir", () => {
    gitSync(["clone", "-q", packed, world.path("linking")]);
    run(world.path("linking"), "worktree", "add", "-q", "../linked", parent);
    return "linked";
  }),
  whole("a gitfile", () => {
    renameSync(
      copyRepository(packed, world.path("moved")),
      world.path("elsewhere"),
    );
    mkdirSync(world.path("pointing"));
    writeFileSync(
      join(world.path("pointing"), ".git"),
      `gitdir: ${world.path("elsewhere")}\n`,
    );
    return "pointing";
  }),
  {
    row: "the suffixes of enter_repo",
    async shows() {
      copyRepository(packed, world.path("inner.git/.git"));
      const names = ["packed", "work", "work/.git", "inner", "inner.git"];
      for (const [index, name] of names.entries()) {
        const told = await world.advertised(name, index % 2 === 0 ? 0 : 1);
        assert.ok(told.join().includes(main), name);
      }
    },
  },
  ...(process.getuid?.() === 0
    ? [{
      row: "safe.directory",
      async shows() {
        const name = stored((path) => chownSync(path, 65_534, 65_534));
        const session = { path: world.path(name), protocol: 0 } as const;
        const [ours, git] = await Promise.all([
          runSession(session, "ours"),
          runSession(session, "git"),
        ]);
        assert.deepEqual(
          [ours.code, ours.stderr.split("\n")[0]],
          [git.code, git.stderr.split("\n")[0]],
        );
        assert.match(ours.stderr, /detected dubious ownership/);
        const said = await converse(world.daemon.port, [
          gitRequest(`/${name}`),
          "0000",
        ]);
        assert.ok((errorLine(said) ?? "").length > 0);
      },
    }]
    : []),
  whole("replace refs, which are not followed", () =>
    stored((path) => {
      const tree = run(path, "rev-parse", "main~3^{tree}");
      const other = run(path, "commit-tree", "-m", "other", tree);
      run(path, "replace", run(path, "rev-parse", "main~2"), other);
    })),
  {
    row: "objects that a promisor has, which are never fetched",
    async shows() {
      const name = stored((path) => {
        run(path, "config", "uploadpack.allowFilter", "true");
      });
      const partial = world.path("partial.git");
      const asked = ["clone", "-q", "--bare", "--filter=blob:none"];
      await tryGit([...asked, `file://${world.path(name)}`, partial]);
      for (const protocol of VERSIONS) {
        const { code, stderr } = await tryGit([
          ...["clone", "-q", "--bare", world.daemon.url("/partial.git")],
          world.path(`of-partial-${protocol}`),
        ], { protocol });
        assert.equal(code, 128);
        assert.match(stderr, /remote error|aborting|corruption|not our ref/);
      }
      assert.equal(packBases(partial).length, 1);
    },
  },
  whole("a shallow server", () => {
    const from = `file://${packed}`;
    gitSync(["clone", "-q", "--bare", "--depth=8", from, "shallow.git"], {
      cwd: world.root,
    });
    return "shallow.git";
  }),
  whole(
    "commit-graph",
    () =>
      stored((path) =>
        run(path, "commit-graph", "write", "--reachable", "--changed-paths")
      ),
  ),
  whole(
    "multi-pack-index",
    () => stored((path) => run(path, "multi-pack-index", "write", "--bitmap")),
  ),
  whole(
    "reachability bitmaps",
    () => stored((path) => run(path, "repack", "-adbq")),
  ),
  whole(
    ".rev files",
    () =>
      stored((path) =>
        run(path, "-c", "pack.writeReverseIndex=true", "repack", "-adFq")
      ),
  ),
  whole(".keep, .promisor and cruft packs", () =>
    stored((path) => {
      run(path, "update-ref", "-d", "refs/hidden/one");
      run(path, "repack", "--cruft", "-dq");
      for (const base of packBases(path)) writeFileSync(`${base}.keep`, "");
      const [first] = packBases(path);
      writeFileSync(`${first}.promisor`, "");
      const files = readdirSync(join(path, "objects/pack")).join();
      assert.ok(files.includes(".mtimes"), files);
    })),
  {
    row: "delta reuse",
    async shows() {
      const own = packedTypes(await packSent("packed.git", 0));
      const deltas = own.filter((type) => type === "ofs-delta");
      assert.ok(deltas.length > 0, own.join(" "));
    },
  },
  {
    row: "a stable response",
    async shows() {
      for (const version of [0, 1] as const) {
        const [first, ...others] = await inParallel(
          [1, 2, 3],
          () => packSent("packed.git", version),
        );
        for (const each of others) assert.ok(first?.equals(each));
      }
    },
  },
];

function archiveRepository(
  name: string,
  ...settings: readonly (readonly [string, string])[]
): string {
  const path = copyRepository(packed, world.path(name));
  for (const [key, value] of settings) run(path, "config", key, value);
  return name;
}

const UPLOADS = ["daemon.uploadarch", "true"] as const;
archiveRepository("archive.git", UPLOADS);
archiveRepository("open.git", UPLOADS, [
  "uploadarchive.allowUnreachable",
  "true",
]);
archiveRepository("mask.git", UPLOADS, ["tar.umask", "0077"]);
archiveRepository("command.git", UPLOADS, ["tar.xz.command", "touch ran"], [
  "tar.xz.remote",
  "true",
]);
attributes(archiveRepository("attributes.git", UPLOADS));
const archiver = serviceScript("git-upload-archive", "ours");

/** Commits attributes, and a file that tells of its commit. */
function attributes(name: string): void {
  const work = world.path("attributes");
  gitSync(["clone", "-q", world.path(name), work]);
  const text = "gone export-ignore\ntold export-subst\n";
  writeFileSync(join(work, ".gitattributes"), text);
  writeFileSync(join(work, "gone"), "gone\n");
  writeFileSync(join(work, "told"), "$Format:%H %an %s$\n");
  run(work, "add", ".");
  run(work, "commit", "-qm", "attributes");
  run(work, "push", "-q", "origin", "HEAD:main");
}

/** Archives from everybody: the same bytes, but for compressors. */
function archives(
  row: string,
  name: string,
  ...lists: readonly (readonly string[])[]
): FeatureRow {
  return {
    row,
    async shows() {
      const path = world.path(name);
      for (const [index, args] of lists.entries()) {
        const ways = [[`--remote=${path}`], [
          `--remote=${world.daemon.url(`/${name}`)}`,
        ]];
        // One of them over a program's standard streams.
        if (index === 0) ways.push([`--remote=${path}`, `--exec=${archiver}`]);
        const [git, ...others] = await Promise.all(
          ways.map(async (way, i) => {
            const ask = i === 0 ? tryGitAgain : tryGit;
            const result = await ask(["archive", ...way, ...args]);
            return {
              code: result.code,
              // Of trees the time is that of now.
              output: args.some((arg) => arg.includes(":"))
                ? String(result.stdout.length)
                : unpacked(result.stdout),
              stderr: result.stderr.split("\n").filter((line) =>
                !line.startsWith("fatal: sent error to the client")
              ).sort(),
            };
          }),
        );
        for (const { output, ...rest } of others) {
          const { output: same, ...like } = git ?? {};
          assert.deepEqual(rest, like, args.join(" "));
          assert.ok(output === same, `${args.join(" ")}: another archive`);
        }
      }
    },
  };
}

function unpacked(text: string): string {
  const bytes = Buffer.from(text, "latin1");
  if (text.startsWith("\x1f\x8b")) return gunzipSync(bytes).toString("latin1");
  if (!text.startsWith("PK")) return text;
  return JSON.stringify(
    readZip(bytes).entries.map(({ isDeflated: _, ...rest }) => rest),
  );
}

const ARCHIVES: readonly FeatureRow[] = [
  archives("the service at all, over git:// and stdio", "archive.git", [
    "main",
  ]),
  {
    row: "the service, off unless daemon.uploadarch or --enable says so",
    async shows() {
      const { code, stderr } = await tryGit(
        ["archive", `--remote=${world.daemon.url("/plain.git")}`, "main"],
      );
      assert.equal(code, 128);
      assert.match(stderr, /remote error: service not enabled: \/plain\.git/);
    },
  },
  archives(
    "formats: tar, zip, tgz, tar.gz",
    "archive.git",
    ...["tar", "zip", "tgz", "tar.gz"].map((each) => [
      `--format=${each}`,
      "main",
    ]),
  ),
  archives(
    "--prefix, --list, --worktree-attributes, --verbose, levels, paths",
    "archive.git",
    ["--prefix=p/", "main"],
    ["--list"],
    ["--worktree-attributes", "main"],
    ["--format=zip", "-0", "main"],
    ["--format=tgz", "-9", "main"],
    ["--verbose", "main"],
    ["main", "dir", ":!dir/3"],
  ),
  {
    // git has it since 2.41.
    row: "--mtime",
    async shows() {
      const remote = `--remote=${world.daemon.url("/archive.git")}`;
      const ask = (time: string) =>
        tryGit(["archive", remote, `--mtime=${time}`, "main", "file"]);
      const { code, stdout } = await ask("1000000000");
      assert.equal(code, 0);
      // One header of the commit's id, and then the file's.
      const at = 1024 + 136;
      const time = stdout.slice(at, at + 11);
      assert.equal(parseInt(time, 8), 1_000_000_000);
      const { code: other, stderr } = await ask("yesterday");
      assert.notEqual(other, 0);
      assert.match(stderr, /cannot read the time 'yesterday': give seconds/);
    },
  },
  {
    row: "--output, --add-file, --remote and --exec, refused",
    async shows() {
      for (const option of ["output", "add-file", "remote", "exec"]) {
        const said = await converse(world.daemon.port, [
          gitRequest("/archive.git", { service: "git-upload-archive" }),
          packets(`argument --${option}=/nowhere/x`, "argument main", "0000"),
        ]);
        const told = linesOf(Buffer.from(said).toString("latin1"));
        assert.equal(told[0], "ACK");
        assert.ok(told[1]?.startsWith("\x02fatal: "), option);
        assert.ok(told[2]?.startsWith("\x03git upload-archive: "), option);
      }
    },
  },
  archives(
    "tree-ishes of refs and paths; ids and what no ref names, refused",
    "archive.git",
    ["main:dir", "3"],
    ["v1"],
    ["none"],
    [main],
    [unreachable],
  ),
  archives(
    "uploadarchive.allowUnreachable",
    "open.git",
    [parent],
    ["main~3"],
  ),
  archives("export-ignore and export-subst", "attributes.git", ["main"]),
  archives("tar.umask", "mask.git", ["main"]),
  {
    row: "tar.<format>.command, not run",
    async shows() {
      const { code, stderr } = await tryGit([
        ...["archive", `--remote=${world.daemon.url("/command.git")}`],
        ...["--format=xz", "main"],
      ]);
      assert.notEqual(code, 0);
      assert.match(stderr, /needs a command .* not run/);
      assert.ok(!readdirSync(world.path("command.git")).includes("ran"));
    },
  },
  {
    row: "ACK, flush, data on band 1, words on band 2, the end on band 3",
    async shows() {
      const bandsOf = async (...args: readonly string[]): Promise<string> => {
        const said = await converse(world.daemon.port, [
          gitRequest("/archive.git", { service: "git-upload-archive" }),
          packets(...args.map((arg) => `argument ${arg}`), "0000"),
        ]);
        return parsePackets(said).map((each) =>
          each.type !== "data"
            ? each.type
            : each.text === "ACK\n"
            ? "ACK"
            : each.text.charCodeAt(0)
        ).join(" ").replace(/( [12])\1+/g, "$1");
      };
      assert.equal(await bandsOf("main"), "ACK flush 1 flush");
      assert.equal(await bandsOf("none"), "ACK flush 2 3");
    },
  },
];

const exported = copyRepository(packed, world.path("exported.git"));
exportOk(exported);
const off = copyRepository(exported, world.path("off.git"));
run(off, "config", "daemon.uploadpack", "false");
copyRepository(exported, world.path("home/pub/mine.git"));

/** Options of daemons, git's and ours, that must answer alike. */
function alike(
  row: string,
  args: readonly string[],
  paths: readonly string[],
  env: Readonly<Record<string, string>> = {},
): FeatureRow {
  return {
    row,
    async shows() {
      const [git, ours] = await Promise.all(
        (["git", "ours"] as const).map(async (kind) => {
          const daemon = await startDaemon({ args, kind, env });
          try {
            const answers: string[] = [];
            for (const path of paths) {
              const client = await connectWire(daemon.port);
              await client.send(gitRequest(path, { host: "localhost" }));
              await client.untilFlush();
              const said = client.bytes();
              client.close();
              const [first] = parsePackets(said, "lenient");
              const text = first?.type === "data" ? first.text : "";
              answers.push(errorLine(said) ?? text.slice(0, 40));
            }
            return answers;
          } finally {
            await daemon.stop();
          }
        }),
      );
      assert.deepEqual(ours, git);
      assert.ok(ours?.includes(main), ours?.join());
    },
  };
}

const OPTIONS = [
  ...["verbose", "syslog", "log-destination", "export-all", "timeout"],
  ...["init-timeout", "max-connections", "strict-paths", "base-path"],
  ...["base-path-relaxed", "interpolated-path", "user-path", "reuseaddr"],
  ...["detach", "pid-file", "user", "group", "enable", "disable"],
  ...["allow-override", "forbid-override", "access-hook", "inetd", "listen"],
  ...["port", "informative-errors"],
];
const WITHOUT = ["/exported", "/off", "/packed", "/none", "/../x", "relative"];

const DAEMON: readonly FeatureRow[] = [
  {
    row: "every option, told of by --help",
    async shows() {
      const { program, args } = ourCommand();
      const { stdout } = await runDaemon(
        { program, args: [...args, "daemon"] },
        ["--help"],
      );
      for (const option of OPTIONS) {
        assert.match(stdout, new RegExp(`--(\\[no-\\])?${option}\\b`), option);
      }
    },
  },
  alike(
    "defaults: git-daemon-export-ok, plain ERR texts, overrides by repositories",
    [`--base-path=${world.root}`],
    WITHOUT,
  ),
  alike(
    "--informative-errors, and options without an effect on answers",
    [
      ...["--informative-errors", "--verbose", "--timeout=600"],
      ...["--init-timeout=600", "--max-connections=0"],
      `--base-path=${world.root}`,
    ],
    WITHOUT,
  ),
  alike(
    "--export-all, --base-path-relaxed, --forbid-override",
    [
      ...["--export-all", "--base-path-relaxed"],
      ...["--forbid-override=upload-pack", `--base-path=${world.root}`],
    ],
    ["/packed", "/off", packed, exported, "/none"],
  ),
  alike(
    "--strict-paths and a list of directories",
    ["--strict-paths", exported, packed],
    [exported, packed, `${exported}/`, world.path("off.git")],
  ),
  alike(
    "--interpolated-path",
    [`--interpolated-path=${world.root}%D`, "--export-all"],
    ["/exported.git", "/none"],
  ),
  alike(
    "--user-path",
    ["--user-path=pub", "--informative-errors"],
    ["~/mine.git", "~/none", exported],
    { HOME: world.path("home") },
  ),
  alike(
    "--access-hook, --enable, --disable, --allow-override",
    [
      ...["--disable=upload-pack", "--enable=upload-pack"],
      ...["--allow-override=upload-pack", "--access-hook=/bin/true"],
      `--base-path=${world.root}`,
    ],
    ["/exported", "/off"],
  ),
  {
    row: "--inetd",
    async shows() {
      const input = Buffer.concat([
        gitRequest("/exported"),
        Buffer.from("0000"),
      ]);
      const [git, ours] = await Promise.all(
        (["git", "ours"] as const).map(async (kind) => {
          const { program, args } = await daemonCommand(kind);
          const { status, stdout } = spawnSync(program, [
            ...[...args, "--inetd", "--log-destination=none"],
            `--base-path=${world.root}`,
          ], { input });
          return [status, withoutIdentity(stdout)];
        }),
      );
      assert.deepEqual(ours, git);
    },
  },
  {
    row: "--serve, refused",
    async shows() {
      const command = await daemonCommand("ours");
      for (
        const [args, words] of [
          [["--serve"], /`serve' is internal to git daemon; /],
          [["--bogus"], /unknown option|unrecognized|bogus/],
        ] as const
      ) {
        const { code, stderr } = await runDaemon(command, args);
        assert.ok(code === 128 || code === 129);
        assert.match(stderr, words);
      }
    },
  },
  {
    row: "a guard of paths",
    async shows() {
      const paths = ["/../etc", "/a/../packed.git", "//packed.git", "/./x"];
      for (const path of paths) {
        const said = await converse(world.daemon.port, [gitRequest(path)]);
        assert.equal(errorLine(said), `no such repository: ${path}`);
      }
    },
  },
];

const TABLES: Readonly<Record<string, readonly FeatureRow[]>> = {
  "repositories": REPOSITORIES,
  "upload-archive": ARCHIVES,
  "the daemon": DAEMON,
};

for (const [title, rows] of Object.entries(TABLES)) {
  describe(title, () => {
    itInParallel(rows.map(({ row, shows }) => ({ title: row, run: shows })));
  });
}
