import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  chownSync,
  cpSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { GitsrvError, RefusedError } from "../../../../src/core/errors.ts";
import { NODE_FILES } from "../../../../src/runtime/files.ts";
import {
  FileBackend,
  type FileBackendOptions,
} from "../../../../src/storage/files/backend.ts";
import type {
  ExposureRules,
  GitRules,
} from "../../../../src/storage/files/exposure.ts";
import { pathFault } from "../../../../src/storage/files/guard.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import {
  GIT,
  git,
  gitHome,
  gitSync,
  runProgram,
  tryGit,
} from "../../../support/git.ts";
import { before, describe, it } from "../../../support/test.ts";
import { gitRequest } from "../../../support/wire_client.ts";
import { failureOf, keepingLogger, KERNELS } from "./support.ts";

const UID = process.getuid?.() ?? -1;
const root = NODE_FILES.realPath(temporaryDirectory("backend")) as string;
const base = join(root, "base");
const at = (name: string): string => join(root, name);

function backend(
  exposure: ExposureRules = { rules: "friendly", root: base },
  options: Partial<FileBackendOptions> = {},
): FileBackend {
  return new FileBackend({
    exposure,
    fileSystem: NODE_FILES,
    kernels: KERNELS,
    logger: keepingLogger().logger,
    owners: { uid: UID },
    ...options,
  });
}

before(() => {
  mkdirSync(join(base, "group"), { recursive: true });
  gitSync(["init", "-q", join(base, "work")]);
  gitSync(["commit", "-q", "--allow-empty", "-m", "x"], {
    cwd: join(base, "work"),
  });
  gitSync(["clone", "-q", "--bare", join(base, "work"), join(base, "a.git")]);
  for (const name of ["group/b.git", "exported.git"]) {
    cpSync(join(base, "a.git"), join(base, name), { recursive: true });
  }
  writeFileSync(join(base, "exported.git/git-daemon-export-ok"), "");
  writeFileSync(join(base, "work/.git/git-daemon-export-ok"), "");
  cpSync(join(base, "a.git"), at("outside.git"), { recursive: true });
  writeFileSync(at("outside.git/git-daemon-export-ok"), "");
  writeFileSync(join(base, "file"), "x");
  symlinkSync(at("outside.git"), join(base, "out.git"));
  symlinkSync("a.git", join(base, "in.git"));
  mkdirSync(join(base, "gitfile"));
  writeFileSync(join(base, "gitfile/.git"), `gitdir: ${at("outside.git")}\n`);
});

describe("pathFault", () => {
  it("refuses what git-daemon refuses, and says it in git's words", () => {
    const aliased = "'%s': aliased";
    const user = "'%s': User-path not allowed";
    const absent = "'%s' does not appear to be a git repository";
    const faults: Readonly<Record<string, string | undefined>> = {
      "/": undefined,
      "/a": undefined,
      "/a/": undefined,
      "/a.git/.b/..c/...": undefined,
      "/a/.../b": undefined,
      "/a b\x1b": undefined,
      "": aliased,
      "a": aliased,
      "a/b": aliased,
      "~root/x": user,
      "~": user,
      "~root/../x": aliased,
      "~/x": aliased,
      "//a": aliased,
      "/a//b": aliased,
      "/a//": aliased,
      "/./a": aliased,
      "/a/../b": aliased,
      "/..": aliased,
      "/a/.": aliased,
      "/a/..": aliased,
      "/a\0b": absent,
      "/a\nb": absent,
      [`/${"a".repeat(5000)}`]: "path too large: %s",
      [`/${"\u00e9".repeat(2100)}`]: "path too large: %s",
    };
    for (const [path, fault] of Object.entries(faults)) {
      const words = fault?.replace("%s", path);
      assert.equal(pathFault(path), words, JSON.stringify(path));
    }
  });
});

describe("FileBackend under the friendly rules", () => {
  it("opens repositories of every kind below the root", async () => {
    const oid = (await git(["rev-parse", "HEAD"], { cwd: join(base, "work") }))
      .trim();
    const paths = [
      "/a.git",
      "/a",
      "/a/",
      "/work",
      "/work/.git",
      "/in",
      "/group/b",
    ];
    const friendly = backend();
    for (const path of paths) {
      const repository = await friendly.openRepository(path);
      using snapshot = await repository.snapshot();
      assert.equal(snapshot.refs.head?.oid, oid, path);
      assert.ok(snapshot.objects.find(snapshot.refs.head.oid) >= 0, path);
    }
    friendly.close();
  });

  // For the log, in git's words; the peer gets one answer to all.
  const REASONS: Readonly<Record<string, string>> = {
    "/out": "leads out of what is served",
    "/gitfile": "leads out of what is served",
    "/../outside.git": "aliased",
    "~root/a.git": "User-path not allowed",
    "a.git": "aliased",
  };

  it("refuses all else alike, wherever it is and whatever is wrong", async () => {
    const friendly = backend();
    const paths = [
      "/absent",
      "/file",
      "/group",
      "/out",
      "/out.git",
      "/gitfile",
      "/../outside.git",
      "/group/../a.git",
      "//a.git",
      "~root/a.git",
      "a.git",
      "/a.git\0",
      `/${"x".repeat(5000)}`,
      "",
    ];
    for (const path of paths) {
      const error = await failureOf(
        () => friendly.openRepository(path),
        "no-such-repository",
      );
      assert.equal(
        error.message,
        `'${path}' does not appear to be a git repository`,
      );
      const reason = REASONS[path];
      if (reason === undefined) continue;
      assert.ok(error.cause instanceof RefusedError, path);
      assert.equal(error.cause.message, `'${path}': ${reason}`);
    }
  });

  it("refuses repositories with parts outside the root", async () => {
    const parts = ["objects", "refs", "packed-refs", "config", "objects/pack"];
    for (const [i, part] of parts.entries()) {
      const name = `part${i}.git`;
      cpSync(join(base, "a.git"), join(base, name), { recursive: true });
      rmSync(join(base, name, part), { recursive: true, force: true });
      symlinkSync(at(`outside.git/${part}`), join(base, name, part));
      await failureOf(
        () => backend().openRepository(`/${name}`),
        "no-such-repository",
      );
    }
    cpSync(join(base, "a.git"), join(base, "common.git"), { recursive: true });
    writeFileSync(join(base, "common.git/commondir"), at("outside.git"));
    await failureOf(
      () => backend().openRepository("/common"),
      "no-such-repository",
    );
  });

  it("takes objects from alternates anywhere, as git does", async () => {
    const path = join(base, "borrower.git");
    await git(["clone", "-q", "--bare", "-s", at("outside.git"), path]);
    const repository = await backend().openRepository("/borrower");
    using snapshot = await repository.snapshot();
    const head = snapshot.refs.head?.oid;
    assert.ok(head !== undefined && snapshot.objects.find(head) >= 0);
  });

  it("says why a repository cannot be read", async () => {
    const path = join(base, "strange.git");
    await git(["init", "-q", "--bare", path]);
    writeFileSync(
      join(path, "config"),
      "[core]\nrepositoryformatversion = 1\n[extensions]\nx = 1\n",
    );
    const error = await failureOf(
      () => backend().openRepository("/strange"),
      "unsupported-repository",
    );
    assert.equal(error.message, "unknown repository extension found:\n\tx");
  });

  it("sees repositories come, move and go, and keeps what stays", async () => {
    const friendly = backend();
    await failureOf(
      () => friendly.openRepository("/new"),
      "no-such-repository",
    );
    cpSync(join(base, "a.git"), join(base, "new.git"), { recursive: true });
    const first = await friendly.openRepository("/new");
    assert.equal(await friendly.openRepository("/new.git"), first);
    renameSync(join(base, "new.git"), join(base, "moved.git"));
    await failureOf(
      () => friendly.openRepository("/new"),
      "no-such-repository",
    );
    await friendly.openRepository("/moved");
    await git(["init", "-q", "--bare", join(base, "new.git")]);
    const other = await friendly.openRepository("/new");
    assert.notEqual(other, first);
    using snapshot = await other.snapshot();
    assert.equal(snapshot.refs.size, 0);
    friendly.close();
  });

  it("tells a repository from another that took its place", async () => {
    const friendly = backend();
    cpSync(join(base, "a.git"), join(base, "twin.git"), { recursive: true });
    const first = await friendly.openRepository("/twin");
    renameSync(join(base, "twin.git"), join(base, "twin-old.git"));
    cpSync(join(base, "a.git"), join(base, "twin.git"), { recursive: true });
    assert.notEqual(await friendly.openRepository("/twin"), first);
    friendly.close();
  });

  it("reads the configuration again when it changes, and only then", async () => {
    const path = join(base, "configured.git");
    await git(["init", "-q", "--bare", path]);
    const friendly = backend();
    const first = await friendly.openRepository("/configured");
    assert.equal(first.config.get("x.y"), undefined);
    await git(["config", "x.y", "1"], { cwd: path });
    const second = await friendly.openRepository("/configured");
    assert.equal(second.config.get("x.y"), "1");
    assert.equal(first.config.get("x.y"), undefined);
    await git(["update-ref", "-d", "refs/heads/none"], { cwd: path });
    assert.equal(await friendly.openRepository("/configured"), second);
  });

  it("puts the given configuration before the repository's own", async () => {
    const path = join(base, "layered.git");
    await git(["init", "-q", "--bare", path]);
    await git(["config", "x.y", "own"], { cwd: path });
    const file = at("given");
    writeFileSync(file, "[x]\ny = given\nz = given\n");
    const { config } = await backend(undefined, { configFiles: [file] })
      .openRepository("/layered");
    assert.deepEqual(config.all("x.y"), ["given", "own"]);
    assert.equal(config.get("x.z"), "given");
  });

  it("believes a hook in configuration that is protected alone", async () => {
    const path = join(base, "hooked.git");
    await git(["init", "-q", "--bare", path]);
    const included = at("included");
    writeFileSync(included, "[uploadpack]\npackObjectsHook = theirs\n");
    await git(["config", "uploadpack.packObjectsHook", "own"], { cwd: path });
    await git(["config", "include.path", included], { cwd: path });
    const own = await backend().openRepository("/hooked");
    assert.equal(own.config.get("uploadpack.packobjectshook"), undefined);
    const file = at("protected");
    writeFileSync(file, "[uploadpack]\npackObjectsHook = ours\n");
    const { config } = await backend(undefined, { configFiles: [file] })
      .openRepository("/hooked");
    assert.deepEqual(config.all("uploadpack.packobjectshook"), ["ours"]);
  });

  it("keeps no more repositories open than it may", async () => {
    const friendly = backend(undefined, { maxOpen: 2 });
    const a = await friendly.openRepository("/a");
    await friendly.openRepository("/work");
    assert.equal(await friendly.openRepository("/a"), a);
    await friendly.openRepository("/group/b");
    assert.equal(friendly.openCount, 2);
    assert.equal(await friendly.openRepository("/a"), a);
    using snapshot = await a.snapshot();
    assert.ok(snapshot.refs.size > 0);
  });

  it("gives equal ids to equal snapshots, and new ones after changes", async () => {
    const path = join(base, "ids.git");
    cpSync(join(base, "a.git"), path, { recursive: true });
    const friendly = backend();
    const repository = await friendly.openRepository("/ids");
    const id = async (): Promise<string> => {
      using snapshot = await repository.snapshot();
      return snapshot.id;
    };
    const first = await id();
    assert.equal(await id(), first);
    await git(["update-ref", "refs/heads/new", "HEAD"], { cwd: path });
    const second = await id();
    assert.notEqual(second, first);
    await git(["hash-object", "-w", "--stdin"], { cwd: path, input: "x" });
    assert.notEqual(await id(), second);
  });
});

/** What git daemon says to a request: "", or the words of its error. */
async function askDaemon(
  args: readonly string[],
  path: string,
): Promise<string> {
  const result = await runProgram(GIT, [
    "daemon",
    "--inetd",
    "--informative-errors",
    ...args,
  ], { input: Buffer.concat([gitRequest(path), Buffer.from("0000")]) });
  const error = /^....ERR (.*): /.exec(result.stdout)?.[1];
  if (error !== undefined) return error;
  return result.stdout === "" ? "died" : "";
}

const CODES: Readonly<Record<string, string>> = {
  "no-such-repository": "no such repository",
  "not-exported": "repository not exported",
};

describe("FileBackend under git's rules", () => {
  const RULES: readonly [readonly string[], GitRules][] = [
    [[], { rules: "git" }],
    [["--export-all"], { rules: "git", exportAll: true }],
    [["--export-all", `--base-path=${base}`], {
      rules: "git",
      exportAll: true,
      basePath: base,
    }],
    [[`--base-path=${base}`], { rules: "git", basePath: base }],
    [["--export-all", `--base-path=${base}`, "--base-path-relaxed"], {
      rules: "git",
      exportAll: true,
      basePath: base,
      basePathRelaxed: true,
    }],
    [
      [
        "--export-all",
        `--base-path=${base}`,
        join(base, "a.git"),
        `${base}/gr`,
      ],
      {
        rules: "git",
        exportAll: true,
        basePath: base,
        directories: [join(base, "a.git"), `${base}/gr`],
      },
    ],
    [["--export-all", base], {
      rules: "git",
      exportAll: true,
      directories: [base],
    }],
    [["--export-all", "--strict-paths", join(base, "a.git")], {
      rules: "git",
      exportAll: true,
      strictPaths: true,
      directories: [join(base, "a.git")],
    }],
    [["--strict-paths", base], {
      rules: "git",
      strictPaths: true,
      directories: [base],
    }],
  ];

  // Links that lead out of the base path. git follows them; here it is
  // otherwise on purpose: who may write below the base path could else have
  // any repository served that the server's user can read.
  const LEADING_OUT = ["/out", "/gitfile"];

  it("answers as git daemon does, but to links that lead out", async () => {
    const served = new Set<string>();
    const names = [
      "a",
      "a.git",
      "a.git/",
      "work",
      "work/.git",
      "exported",
      "group/b.git",
      "out",
      "gitfile",
      "absent",
      "file",
      "group/../a.git",
    ];
    const answers = new Set<string>();
    for (const [args, rules] of RULES) {
      const ours = backend(rules);
      for (const name of names) {
        for (const path of [`/${name}`, `${base}/${name}`, at("outside.git")]) {
          let answer = "";
          try {
            await ours.openRepository(path);
          } catch (error) {
            assert.ok(error instanceof GitsrvError, String(error));
            answer = CODES[error.code] ?? error.code;
          }
          const theirs = await askDaemon(args, path);
          const label = `${args.join(" ")} ${path}`;
          // A file that is no gitfile ends git's process without a word.
          const same = theirs === "died" ? "no such repository" : theirs;
          if (rules.basePath !== undefined && LEADING_OUT.includes(path)) {
            assert.equal(answer, "no such repository", label);
            if (theirs === "") served.add(path);
            continue;
          }
          assert.equal(answer, same, label);
          answers.add(answer);
        }
      }
    }
    assert.equal(answers.size, 3);
    assert.deepEqual([...served], LEADING_OUT);
  });

  it("serves what a link leads to when its directory is listed", async () => {
    const listed = backend({
      rules: "git",
      exportAll: true,
      basePath: base,
      directories: [base, root],
    });
    await listed.openRepository("/out");
    const strange = backend({
      rules: "git",
      exportAll: true,
      basePath: base,
      directories: [at("other")],
    });
    const error = await failureOf(
      () => strange.openRepository("/a"),
      "no-such-repository",
    );
    assert.ok(error.cause instanceof RefusedError);
    assert.equal(
      error.cause.message,
      `'${join(base, "a.git")}': not in directory list`,
    );
  });

  it("opens any path for a command that names it", async () => {
    const any = backend({ rules: "git" });
    await any.openAt(join(base, "a"), "suffixes");
    await failureOf(
      () => any.openAt(join(base, "a"), "strict"),
      "no-such-repository",
    );
    await failureOf(() => any.openAt("/x\0", "strict"), "no-such-repository");
  });
});

describe("FileBackend and repositories of other users", () => {
  const foreign = { owners: { uid: UID + 1 } };

  it("refuses them in git's words", async () => {
    const path = join(base, "a.git");
    const theirs = await tryGit(["upload-pack", "--advertise-refs", path], {
      env: { GIT_TEST_ASSUME_DIFFERENT_OWNER: "1" },
    });
    const error = await failureOf(
      () => backend(undefined, foreign).openRepository("/a"),
      "access-denied",
    );
    assert.equal(`fatal: ${error.message}\n`, theirs.stderr);
  });

  it("trusts its own, those of the user behind sudo, and all without uids", async () => {
    await backend(undefined, { owners: { uid: UID } }).openRepository("/a");
    await backend(undefined, { owners: { uid: -1 } }).openRepository("/a");
    if (UID !== 0) return;
    const uid = 12_345;
    cpSync(join(base, "a.git"), join(base, "theirs.git"), { recursive: true });
    chownSync(join(base, "theirs.git"), uid, uid);
    await failureOf(() => backend().openRepository("/theirs"), "access-denied");
    symlinkSync("theirs.git", join(base, "mine.git"));
    await failureOf(() => backend().openRepository("/mine"), "access-denied");
    await backend(undefined, { owners: { uid: 0, sudoUid: uid } })
      .openRepository("/theirs");
  });

  it("makes the exceptions of safe.directory that git makes", async () => {
    const path = join(base, "a.git");
    const cases: readonly (readonly [string, boolean])[] = [
      ["", false],
      [`directory = ${path}`, true],
      [`directory = ${path}/`, false],
      [`directory = ${base}`, false],
      ["directory = *", true],
      ["directory = *\ndirectory =", false],
      [`directory = *\ndirectory =\ndirectory = ${path}`, true],
      ["directory = *\ndirectory", false],
      [`directory = %(prefix)${path}`, false],
      ["directory = ~/a.git", false],
    ];
    for (const [text, isSafe] of cases) {
      const file = join(gitHome(), "safe");
      writeFileSync(file, `[safe]\n${text}\n`);
      const theirs = await tryGit(["upload-pack", "--advertise-refs", path], {
        env: {
          GIT_TEST_ASSUME_DIFFERENT_OWNER: "1",
          GIT_CONFIG_GLOBAL: file,
        },
      });
      assert.equal(theirs.code === 0, isSafe, text);
      const ours = backend(undefined, {
        ...foreign,
        configFiles: [file],
        home: gitHome(),
      });
      if (isSafe) await ours.openRepository("/a");
      else await failureOf(() => ours.openRepository("/a"), "access-denied");
    }
  });

  it("takes no exception from the repository itself", async () => {
    const path = join(base, "selfish.git");
    cpSync(join(base, "a.git"), path, { recursive: true });
    await git(["config", "safe.directory", "*"], { cwd: path });
    await failureOf(
      () => backend(undefined, foreign).openRepository("/selfish"),
      "access-denied",
    );
  });
});
