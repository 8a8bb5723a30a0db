import assert from "node:assert/strict";
import { UsageError } from "../../../../src/core/errors.ts";
import { clearTextWarning } from "../../../../src/server/access/clear_text.ts";
import { parseRuleFile } from "../../../../src/server/access/rule_file.ts";
import { ListedRules } from "../../../../src/server/access/rules.ts";
import { describe, it } from "../../../support/test.ts";

const YES = true;
const NO = false;

const bytes = (text: string) => new TextEncoder().encode(text);

function rules(text: string): ListedRules {
  return new ListedRules(parseRuleFile(bytes(text), "/who.conf").rules);
}

function refusal(text: string): string {
  try {
    parseRuleFile(bytes(text), "/who.conf");
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    return error.message;
  }
  throw new Error("It was taken");
}

describe("rules", () => {
  it("say nothing where none is for a repository", () => {
    const said = rules(`[gitsrv "team/*"]\nread = alice\n`);
    for (const kind of ["read", "write"] as const) {
      assert.equal(said.allows("/other.git", kind, undefined), undefined);
      assert.equal(said.allows("/team", kind, "alice"), undefined);
      // A star stops at slashes.
      assert.equal(said.allows("/team/a/b", kind, "bob"), undefined);
    }
  });

  it("are for anyone, users, nobody, names and groups, which add up", () => {
    const said = rules(`
      [gitsrv]
        group = devs alice bob
        group = devs carol
      [gitsrv "anyone"] 
        read = anyone
      [gitsrv "users"]
        read = users
      [gitsrv "nobody"]
        read = nobody
      [gitsrv "some"]
        read = dave @devs
        read = "erin"
    `);
    const who = (path: string) =>
      [undefined, "alice", "carol", "dave", "erin", "frank"].filter((user) =>
        said.allows(path, "read", user)
      );
    assert.equal(who("/anyone").length, 6);
    assert.equal(who("/users").length, 5);
    assert.deepEqual(who("/nobody"), []);
    assert.deepEqual(who("/some"), ["alice", "carol", "dave", "erin"]);
  });

  it("hold by the last section that says something of that kind", () => {
    const said = rules(`
      [gitsrv "**"]
        read = users
        write = alice
      [gitsrv "open/*"]
        read = anyone
      [gitsrv "open/not"]
        read = bob
      [gitsrv "**/sub"]
        write = nobody
    `);
    assert.equal(said.allows("/x", "read", undefined), NO);
    assert.equal(said.allows("/open/x", "read", undefined), YES);
    assert.equal(said.allows("/open/x", "write", "alice"), YES);
    assert.equal(said.allows("/open/x", "write", "bob"), NO);
    assert.equal(said.allows("/open/not", "read", "carol"), NO);
    assert.equal(said.allows("/open/sub", "write", "alice"), NO);
    assert.equal(said.allows("/a/b/c/sub.git", "write", "alice"), NO);
  });

  it("of one section in several places hold where it is said last", () => {
    const said = rules(`
      [gitsrv "a"]
        read = alice
      [gitsrv "*"]
        read = bob
      [gitsrv "a"]
        read = carol
    `);
    assert.equal(said.allows("/a", "read", "alice"), YES);
    assert.equal(said.allows("/a", "read", "carol"), YES);
    assert.equal(said.allows("/a", "read", "bob"), NO);
  });

  it("without a pattern are for what nothing else is said of", () => {
    const said = rules(`
      [gitsrv "open"]
        read = anyone
      [gitsrv]
        read = users
        write = alice
    `);
    assert.equal(said.allows("/open", "read", undefined), YES);
    assert.equal(said.allows("/a/b/c", "read", undefined), NO);
    assert.equal(said.allows("/a/b/c", "read", "bob"), YES);
    assert.equal(said.allows("/open", "write", "bob"), NO);
  });

  it("let those read who may write, and none write who may not read", () => {
    const said = rules(`
      [gitsrv "a"]
        read = alice
        write = bob
      [gitsrv "b"]
        read = alice
    `);
    assert.equal(said.allows("/a", "read", "bob"), YES);
    assert.equal(said.allows("/a", "read", "carol"), NO);
    assert.equal(said.allows("/b", "write", "carol"), NO);
    assert.equal(said.allows("/b", "write", undefined), NO);
    // Of alice's writing nothing is said.
    assert.equal(said.allows("/b", "write", "alice"), undefined);
  });

  it("know whether something is hidden from somebody", () => {
    assert.equal(rules("").hidesRepositories, NO);
    assert.equal(
      rules(`[gitsrv "a"]\nread = anyone\nwrite = alice`).hidesRepositories,
      NO,
    );
    assert.equal(rules("[gitsrv]\nread = users").hidesRepositories, YES);
  });

  const spellings: readonly string[] = [
    ...["/team/a", "/team/a.git", "/team/a/", "/team/a.git/", "//team//a.git"],
    ...["/team/a/.git", "/team/a.git/.git", "/team/a/.git/", "/team/./a"],
    ...["team/a", "/team/a.git//", "/./team/a/.git//.", "/team/a.git/."],
    ...["/team/a/.git/modules/sub", "/team/a.git/worktrees/w"],
    ...["/team/a.git/modules/x/modules/y.git", "/team/../team/a", "/.."],
  ];
  for (
    const pattern of ["team/a", "team/a.git", "/team/a/", "team//a/.git"]
  ) {
    it(`for '${pattern}' hold for every spelling of the path`, () => {
      const said = rules(`[gitsrv "${pattern}"]\nread = nobody\n`);
      for (const path of spellings) {
        assert.equal(said.allows(path, "read", "alice"), NO, path);
        assert.equal(said.allows(path, "write", undefined), NO, path);
      }
      for (const path of ["/team/ab", "/team", "/team/A", "/x/team/a"]) {
        assert.equal(said.allows(path, "read", "alice"), undefined, path);
      }
    });
  }

  it("let nobody have what has too many names to look through", () => {
    const said = rules(`[gitsrv "team/**"]\nread = alice\n`);
    const inside = (count: number) => `/${"a.git/".repeat(count)}b`;
    for (const kind of ["read", "write"] as const) {
      assert.equal(said.allows(inside(8), kind, "alice"), undefined);
      for (const path of [inside(17), inside(60_000), `/${"a".repeat(4096)}`]) {
        assert.equal(said.allows(path, kind, "alice"), NO);
      }
    }
  });

  it("have patterns and names of any letters", () => {
    const said = rules(`[gitsrv "größe/*"]\nread = jürgen\n`);
    assert.equal(said.allows("/größe/a", "read", "jürgen"), YES);
    assert.equal(said.allows("/größe/ü.git", "read", "x"), NO);
  });
});

describe("the file of --config", () => {
  it("names the files of users", () => {
    assert.deepEqual(
      parseRuleFile(
        bytes("[gitsrv]\nhtpasswd = pw\ntokens = /etc/t # all"),
        "/who.conf",
      ),
      { htpasswd: "pw", tokens: "/etc/t", rules: { read: [], write: [] } },
    );
  });

  const faults: readonly (readonly [string, string])[] = [
    [
      "[gitsrv]\nhtpaswd = x",
      "'gitsrv.htpaswd': no such key; did you mean 'gitsrv.htpasswd'?",
    ],
    [
      '[gitsrv "a.b"]\nreed = x',
      "'gitsrv.a.b.reed': no such key; did you mean 'gitsrv.a.b.read'?",
    ],
    ["[gitsrv]\ncolour = x", "'gitsrv.colour': no such key"],
    ["[core]\nbare = true", "'core.bare': no such key"],
    ['[gitsrv "a"]\nread', "'gitsrv.a.read': no value"],
    ['[gitsrv "a"]\nread =', "'gitsrv.a.read': no value"],
    [
      '[gitsrv]\ngroup = devs a\n[gitsrv "a"]\nread = @dev',
      "'gitsrv.a.read': no group 'dev'; did you mean '@devs'?",
    ],
    ['[gitsrv "a"]\nwrite = @x', "'gitsrv.a.write': no group 'x'"],
    [
      "[gitsrv]\ngroup = @devs a",
      "'gitsrv.group': a group's name has no '@' here",
    ],
    ["[gitsrv]\ngroup = devs @ops", "'gitsrv.group': '@ops' is no user's name"],
    [
      "[gitsrv]\ngroup = devs users",
      "'gitsrv.group': 'users' is no user's name",
    ],
    [
      '[gitsrv "a/../b"]\nread = x',
      "'gitsrv.a/../b.read': leads out of what is served",
    ],
    ['[gitsrv "/"]\nread = x', "'gitsrv./.read': no pattern"],
    ['[gitsrv ""]\nread = x', "'gitsrv..read': no pattern"],
  ];
  for (const [text, words] of faults) {
    it(`is refused: ${words}`, () => {
      assert.equal(refusal(text), `/who.conf: ${words}`);
    });
  }

  it("is refused in git's words where it is not git's syntax", () => {
    assert.equal(
      refusal("[gitsrv]\nread = users\n[oops\n"),
      "bad config line 3 in file /who.conf",
    );
    assert.match(
      new TextDecoder().decode(bytes(refusal("[gitsrv]\n= x"))),
      /^bad config line 2 in file/,
    );
  });
});

describe("the warning of passwords in clear text", () => {
  const at = (scheme: "git" | "http" | "https", hostname: string) => ({
    scheme,
    hostname,
  });
  it("comes for plain HTTP beyond this machine alone", () => {
    for (
      const place of [
        at("http", "127.0.0.1"),
        at("http", "127.1.2.3"),
        at("http", "::1"),
        at("https", "0.0.0.0"),
        at("git", "0.0.0.0"),
      ]
    ) {
      assert.equal(clearTextWarning([place]), undefined, place.hostname);
    }
    for (const name of ["0.0.0.0", "192.0.2.1", "127.example.org", "::"]) {
      assert.match(
        clearTextWarning([at("http", "::1"), at("http", name)]) ?? "",
        /unencrypted/,
        name,
      );
    }
  });
});
