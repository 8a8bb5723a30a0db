import assert from "node:assert/strict";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type AccessPolicy,
  createHandler,
  DictBackend,
  FileSystemBackend,
  MemoryRepository,
} from "../../../../mod.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { git } from "../../../support/git.ts";
import { after, before, describe, it } from "../../../support/test.ts";
import { ListedRules } from "../../../../src/server/access/rules.ts";
import { parseRuleFile } from "../../../../src/server/access/rule_file.ts";

/** Users are whom they say that they are: only rules are of interest here. */
function policy(rules: string): AccessPolicy {
  return {
    credentials: {
      challenges: ["Basic"],
      identify: (name) =>
        Promise.resolve(
          name === null ? { type: "nobody" } : { type: "user", name },
        ),
    },
    rules: new ListedRules(
      parseRuleFile(new TextEncoder().encode(rules), "/who.conf").rules,
    ),
  };
}

const root = temporaryDirectory("spellings");
after(() => rmSync(root, { recursive: true, force: true }));

describe("a rule about a repository on disk", () => {
  const served = join(root, "served");
  before(async () => {
    const init = (name: string, ...args: string[]) =>
      git(["init", "-q", ...args, join(served, name)]);
    mkdirSync(join(served, "links"), { recursive: true });
    await init("secret.git", "--bare");
    await init("open.git", "--bare");
    await init("work");
    await init("team/deep/one.git", "--bare");
    symlinkSync("../secret.git", join(served, "links/alias.git"));
    symlinkSync("alias.git", join(served, "links/again.git"));
    symlinkSync("team", join(served, "other-team"));
    // A gitfile, a linked work tree, and what git-new-workdir makes.
    mkdirSync(join(served, "pointer"));
    writeFileSync(join(served, "pointer/.git"), `gitdir: ../secret.git\n`);
    await git([
      ...["-C", join(served, "work"), "-c", "user.name=a"],
      ...["-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-mfirst"],
    ]);
    await git(["-C", join(served, "work"), "worktree", "add", "-q", "../tree"]);
    mkdirSync(join(served, "shared.git"));
    for (const name of ["refs", "objects", "config", "packed-refs"]) {
      symlinkSync(`../secret.git/${name}`, join(served, "shared.git", name));
    }
    writeFileSync(join(served, "shared.git/HEAD"), "ref: refs/heads/main\n");
    // A repository whose git directory lies in another's.
    const modules = join(served, "work/.git/modules/sub");
    await git(["init", "-q", "--bare", modules]);
    mkdirSync(join(served, "work/sub"));
    writeFileSync(
      join(served, "work/sub/.git"),
      "gitdir: ../.git/modules/sub\n",
    );
    await git(["-C", modules, "config", "core.bare", "false"]);
    await git(["-C", modules, "config", "core.worktree", "../../../sub"]);
  });

  const ask = async (rules: string, path: string, user?: string) => {
    const handler = createHandler(new FileSystemBackend(served), {
      access: policy(rules),
    });
    const response = await handler(
      new Request(
        `http://localhost${path}/info/refs?service=git-upload-pack`,
        user === undefined ? {} : { headers: { authorization: user } },
      ),
    );
    const body = await response.text();
    return { status: response.status, body, headers: [...response.headers] };
  };

  const cases: readonly (readonly [string, readonly string[]])[] = [
    ["secret", [
      ...["/secret", "/secret.git", "/secret.git/", "//secret.git"],
      ...["/./secret", "/x/../secret", "/%73ecret", "/secret%2egit"],
      ...["/links/alias", "/links/alias.git", "/links/again.git"],
      ...["/links//alias.git//", "/pointer", "/pointer/.git", "/shared.git"],
      ...["/shared"],
    ]],
    ["links/alias", ["/links/alias", "/links/alias.git/", "/links//alias"]],
    ["work", [
      ...["/work", "/work/", "/work/.git", "/work//.git/", "/tree"],
      ...["/tree/.git", "/work/.git/worktrees/tree"],
      ...["/work/.git/modules/sub", "/work/sub", "/work/sub/.git"],
    ]],
    ["work/sub", ["/work/sub", "/work/sub/.git", "/work/.git/modules/sub"]],
    ["team/**", [
      ...["/team/deep/one", "/team/deep/one.git", "/other-team/deep/one"],
      ...["/other-team//deep/one.git", "/team/./deep/one"],
    ]],
    ["*/deep/one.git", ["/team/deep/one", "/other-team/deep/one.git/"]],
  ];
  for (const [pattern, paths] of cases) {
    it(`for '${pattern}' holds by every way to it, as if nothing were there`, async () => {
      const rules = `[gitsrv "${pattern}"]\nread = alice\n`;
      const strangers = await ask(rules, "/none");
      const bobs = await ask(rules, "/none", "bob");
      assert.equal(strangers.status, 401);
      assert.equal(bobs.status, 404);
      for (const path of paths) {
        assert.deepEqual(await ask(rules, path), strangers, path);
        assert.deepEqual(await ask(rules, path, "bob"), bobs, path);
        // Whoever may is served by the same way, or there was nothing to
        // hide: git's rules for paths know no doubled slashes.
        if (/\/\/|worktrees/.test(path)) continue;
        const { status } = await ask(rules, path, "alice");
        assert.equal(status, 200, path);
      }
      assert.equal((await ask(rules, "/open")).status, 200);
    });
  }

  it("is held against hidden slashes without a look at the disk", async () => {
    const rules = `[gitsrv "secret"]\nread = alice\n`;
    for (
      const path of [
        ...["/links%2falias", "/secret%00", "/secret%0a", "/%5csecret"],
        ...["/secret%c0%ae", "/open.git/..%2fsecret", "/SECRET", "/secret.GIT"],
      ]
    ) {
      const { status } = await ask(rules, path, "bob");
      assert.equal(status, 404, path);
    }
  });
});

describe("a rule about a repository in a dictionary", () => {
  it("holds for every name that the repository has", async () => {
    const repository = new MemoryRepository();
    const handler = createHandler(
      new DictBackend({
        "public.git": repository,
        "private.git": repository,
        "other.git": new MemoryRepository(),
      }),
      { access: policy(`[gitsrv "private"]\nread = alice\n`) },
    );
    const status = async (name: string, user = "bob") =>
      (await handler(
        new Request(
          `http://localhost/${name}/info/refs?service=git-upload-pack`,
          { headers: { authorization: user } },
        ),
      )).status;
    assert.equal(await status("private.git"), 404);
    assert.equal(await status("public.git"), 404);
    assert.equal(await status("public.git", "alice"), 200);
    assert.equal(await status("other.git"), 200);
  });
});
