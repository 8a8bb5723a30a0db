import assert from "node:assert/strict";
import {
  cpSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { StorageError } from "../../../../src/core/errors.ts";
import { NODE_FILES } from "../../../../src/runtime/files.ts";
import {
  findLayout,
  isGitDirectory,
  type SearchMode,
} from "../../../../src/storage/files/layout.ts";
import { readSettings } from "../../../../src/storage/files/open_repository.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { gitSync, tryGit } from "../../../support/git.ts";
import { before, describe, it } from "../../../support/test.ts";
import { failureOf } from "./support.ts";

const root = NODE_FILES.realPath(temporaryDirectory("layout")) as string;
const at = (name: string): string => join(root, name);

before(() => {
  gitSync(["init", "-q", "--bare", at("bare.git")]);
  gitSync(["init", "-q", at("work")]);
  gitSync(["commit", "-q", "--allow-empty", "-m", "x"], { cwd: at("work") });
  gitSync(["worktree", "add", "-q", "--detach", at("linked")], {
    cwd: at("work"),
  });
  gitSync([
    "init",
    "-q",
    "--separate-git-dir",
    at("elsewhere.git"),
    at("separate"),
  ]);
  mkdirSync(at("relative"));
  writeFileSync(at("relative/.git"), "gitdir: ../bare.git\r\n");
  symlinkSync("bare.git", at("alias"));
  mkdirSync(at("empty"));
  writeFileSync(at("file"), "no gitfile\n");
  for (const [name, text] of Object.entries(BROKEN_GITFILES)) {
    mkdirSync(at(name));
    writeFileSync(at(`${name}/.git`), text);
  }
  for (const name of Object.keys(BROKEN)) {
    cpSync(at("bare.git"), at(name), { recursive: true });
    BROKEN[name]?.(at(name));
  }
});

const BROKEN_GITFILES: Readonly<Record<string, string>> = {
  "gitfile-garbage": "garbage\n",
  "gitfile-empty": "gitdir: \n",
  "gitfile-nowhere": "gitdir: /nowhere\n",
};

const BROKEN: Readonly<Record<string, (path: string) => void>> = {
  "no-head": (path) => rmSync(join(path, "HEAD")),
  "no-objects": (path) => rmSync(join(path, "objects"), { recursive: true }),
  "no-refs": (path) => rmSync(join(path, "refs"), { recursive: true }),
  "empty-head": (path) => writeFileSync(join(path, "HEAD"), ""),
  "odd-head": (path) => writeFileSync(join(path, "HEAD"), "ref: config\n"),
  "spaced-head": (path) =>
    writeFileSync(join(path, "HEAD"), "ref: \t refs/heads/x\n"),
  "detached": (path) =>
    writeFileSync(join(path, "HEAD"), `${"a".repeat(40)}\n`),
  "linked-head": (path) => {
    rmSync(join(path, "HEAD"));
    symlinkSync("refs/heads/main", join(path, "HEAD"));
  },
  "foreign-head": (path) => {
    rmSync(join(path, "HEAD"));
    symlinkSync("/etc/passwd", join(path, "HEAD"));
  },
};

/** Whether git and we find a repository at a path. */
async function compare(path: string, mode: SearchMode): Promise<boolean> {
  const result = await tryGit([
    "upload-pack",
    ...mode === "strict" ? ["--strict"] : [],
    "--advertise-refs",
    path,
  ]);
  let found = false;
  try {
    found = findLayout(NODE_FILES, path, mode) !== undefined;
  } catch (error) {
    assert.ok(error instanceof StorageError);
    assert.match(result.stderr, new RegExp(error.message.slice(0, 12)));
  }
  assert.equal(found, result.code === 0, `${mode} ${path}: ${result.stderr}`);
  return found;
}

describe("findLayout", () => {
  it("finds what git finds, by every spelling", async () => {
    const names = [
      "bare",
      "bare.git",
      "bare.git/",
      "bare.git//",
      "bare.git/HEAD",
      "work",
      "work/",
      "work/.git",
      "work/.git/refs",
      "linked",
      "linked/.git",
      "work/.git/worktrees/linked",
      "separate",
      "elsewhere",
      "relative",
      "relative/.git",
      "alias",
      "empty",
      "file",
      "absent",
      ...Object.keys(BROKEN),
      ...Object.keys(BROKEN_GITFILES),
    ];
    let found = 0;
    for (const name of names) {
      for (const mode of ["suffixes", "strict"] as const) {
        if (await compare(at(name), mode)) found++;
      }
    }
    assert.ok(found > 20, `${found} found`);
  });

  it("tells where the parts are", () => {
    assert.deepEqual(findLayout(NODE_FILES, at("bare"), "suffixes"), {
      path: at("bare.git"),
      gitDir: at("bare.git"),
      commonDir: at("bare.git"),
      objectsDir: at("bare.git/objects"),
      gitfile: false,
    });
    assert.deepEqual(findLayout(NODE_FILES, at("linked"), "suffixes"), {
      path: at("linked/.git"),
      gitDir: at("work/.git/worktrees/linked"),
      commonDir: at("work/.git"),
      objectsDir: at("work/.git/objects"),
      gitfile: true,
    });
    assert.equal(
      findLayout(NODE_FILES, at("relative"), "suffixes")?.gitDir,
      at("bare.git"),
    );
  });

  it("prefers what is inside, as git does, to a bare repository", () => {
    cpSync(at("bare.git"), at("both.git"), { recursive: true });
    gitSync(["init", "-q", "--bare", at("both.git/.git")]);
    const path = at("both.git/.git");
    for (const name of ["both.git", "both"]) {
      assert.equal(findLayout(NODE_FILES, at(name), "suffixes")?.path, path);
    }
  });

  it("is not held up by FIFOs", () => {
    cpSync(at("bare.git"), at("fifo-head"), { recursive: true });
    rmSync(at("fifo-head/HEAD"));
    assert.equal(spawnSync("mkfifo", [at("fifo-head/HEAD")]).status, 0);
    assert.ok(!isGitDirectory(NODE_FILES, at("fifo-head")));
  });

  it("finds nothing at a path beyond PATH_MAX", () => {
    const path = `${root}/${"x/".repeat(2100)}`;
    assert.equal(findLayout(NODE_FILES, path, "suffixes"), undefined);
  });
});

describe("readSettings", () => {
  const CONFIGS: readonly string[] = [
    "",
    "[core]\nrepositoryformatversion = 0\n",
    "[core]\nrepositoryformatversion = 1\n",
    "[core]\nrepositoryformatversion = 2\n",
    "[core]\nrepositoryformatversion = x\n",
    "[core]\nrepositoryformatversion = 1\n[extensions]\nnoop = 1\nfoo = 1\n",
    "[core]\nrepositoryformatversion = 1\n[extensions]\nfoo = 1\nbar = 1\n",
    "[core]\nrepositoryformatversion = 0\n[extensions]\nfoo = 1\n",
    "[core]\nrepositoryformatversion = 0\n[extensions]\nobjectformat = sha1\n",
    "[core]\nrepositoryformatversion = 0\n[extensions]\nnoop-v1 = 1\n" +
    "objectFormat = sha256\n",
    "[core]\nrepositoryformatversion = 1\n[extensions]\nobjectformat = sha1\n",
    "[core]\nrepositoryformatversion = 1\n[extensions]\npreciousObjects = t\n",
    "[core]\nrepositoryformatversion = 1\n[extensions]\npartialClone = o\n" +
    "worktreeConfig = true\npreciousObjects = false\n",
    "[extensions]\nfoo = 1\n",
    "[core\n",
  ];

  it("accepts and refuses formats as git does, in its words", async () => {
    for (const [i, text] of CONFIGS.entries()) {
      const path = at(`format${i}.git`);
      cpSync(at("bare.git"), path, { recursive: true });
      writeFileSync(join(path, "config"), text);
      const result = await tryGit(["upload-pack", "--advertise-refs", path]);
      const layout = findLayout(NODE_FILES, path, "strict");
      assert.ok(layout);
      let ours = "";
      try {
        readSettings(layout, {
          fileSystem: NODE_FILES,
          configFiles: [],
          now: Date.now,
        });
      } catch (error) {
        assert.ok(error instanceof StorageError, String(error));
        ours = error.message;
      }
      const theirs = result.stderr.replace(/^fatal: |\n$/g, "")
        .replace(/ in file \S*?config: /, ": ").replaceAll("./config", "")
        .replace(/ file $/, ` file ${path}/config`)
        .replace(/in file config$/, `in file ${path}/config`);
      assert.equal(ours, theirs, `${JSON.stringify(text)}`);
    }
  });

  it("refuses invalid object formats and ref storages", async () => {
    for (
      const [extension, code, words] of [
        ["objectformat = md5", "unsupported-repository", /invalid value for/],
        ["objectformat", "bad-config", /missing value for/],
        ["refstorage = zip", "unsupported-repository", /invalid value for/],
      ] as const
    ) {
      const path = at("refused.git");
      rmSync(path, { recursive: true, force: true });
      cpSync(at("bare.git"), path, { recursive: true });
      writeFileSync(
        join(path, "config"),
        `[core]\nrepositoryformatversion = 1\n[extensions]\n${extension}\n`,
      );
      const layout = findLayout(NODE_FILES, path, "strict");
      assert.ok(layout);
      const error = await failureOf(() =>
        readSettings(layout, {
          fileSystem: NODE_FILES,
          configFiles: [],
          now: Date.now,
        }), code);
      assert.match(error.message, words);
    }
  });

  it("takes both ref storages in version 1", () => {
    const path = at("storages.git");
    cpSync(at("bare.git"), path, { recursive: true });
    const layout = findLayout(NODE_FILES, path, "strict");
    assert.ok(layout);
    for (const storage of ["files", "reftable"]) {
      writeFileSync(
        join(path, "config"),
        "[core]\nrepositoryformatversion = 1\n" +
          `[extensions]\nrefStorage = ${storage}\n`,
      );
      const { refStorage } = readSettings(layout, {
        fileSystem: NODE_FILES,
        configFiles: [],
        now: Date.now,
      });
      assert.equal(refStorage, storage);
    }
  });

  it("lets no extension count where there is no version", () => {
    const path = at("versionless.git");
    cpSync(at("bare.git"), path, { recursive: true });
    writeFileSync(
      join(path, "config"),
      "[extensions]\nobjectFormat = sha256\n",
    );
    const layout = findLayout(NODE_FILES, path, "strict");
    assert.ok(layout);
    const { format } = readSettings(layout, {
      fileSystem: NODE_FILES,
      configFiles: [],
      now: Date.now,
    });
    assert.equal(format.name, "sha1");
  });

  it("reads config.worktree where the extension says so", () => {
    gitSync(["config", "extensions.worktreeConfig", "true"], {
      cwd: at("work"),
    });
    gitSync(["config", "--worktree", "x.y", "side"], { cwd: at("linked") });
    gitSync(["config", "x.y", "main"], { cwd: at("work") });
    const value = (name: string): string | undefined => {
      const layout = findLayout(NODE_FILES, at(name), "suffixes");
      assert.ok(layout);
      return readSettings(layout, {
        fileSystem: NODE_FILES,
        configFiles: [],
        now: Date.now,
      }).pairs.filter(([key]) => key === "x.y").at(-1)?.[1];
    };
    assert.equal(value("linked"), "side");
    assert.equal(value("work"), "main");
  });

  it("knows when what it read has changed", () => {
    const path = at("tracked.git");
    cpSync(at("bare.git"), path, { recursive: true });
    const layout = findLayout(NODE_FILES, path, "strict");
    assert.ok(layout);
    const read = () =>
      readSettings(layout, {
        fileSystem: NODE_FILES,
        configFiles: [join(path, "absent")],
        now: () => Date.now() + 60_000,
      });
    const first = read();
    assert.ok(first.tracked.isUnchanged());
    writeFileSync(join(path, "absent"), "[a]\nb = c\n");
    assert.ok(!first.tracked.isUnchanged());
    const second = read();
    assert.ok(second.tracked.isUnchanged());
    writeFileSync(join(path, "new"), "[core]\nbare = true\n");
    renameSync(join(path, "new"), join(path, "config"));
    assert.ok(!second.tracked.isUnchanged());
  });
});
