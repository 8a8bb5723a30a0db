import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StorageError } from "../../../../src/core/errors.ts";
import { NODE_FILES } from "../../../../src/runtime/files.ts";
import {
  type ConfigContext,
  type ConfigPair,
  configView,
  readConfigFiles,
} from "../../../../src/storage/files/config.ts";
import { parseConfig } from "../../../../src/core/config_parser.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { git, gitHome, tryGit } from "../../../support/git.ts";
import { type Random, seeded } from "../../../support/random.ts";
import { describe, it } from "../../../support/test.ts";

function pairsOf(text: string): ConfigPair[] {
  const pairs: ConfigPair[] = [];
  parseConfig(Buffer.from(text, "latin1"), "file", (key, value) => {
    pairs.push([key, value]);
  });
  return pairs;
}

function faultOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof StorageError, String(error));
    return error.message;
  }
  return assert.fail("it was accepted");
}

/** The pairs of `git config --list -z`. */
function listed(output: string): ConfigPair[] {
  return output.split("\0").slice(0, -1).map((entry) => {
    const end = entry.indexOf("\n");
    return end < 0
      ? [entry, undefined] as const
      : [entry.slice(0, end), entry.slice(end + 1)] as const;
  });
}

/** What a file comes to: its pairs up to its fault, and that. */
function outcomeOf(text: string): unknown {
  const pairs: ConfigPair[] = [];
  const take = (key: string, value: string | undefined) => {
    pairs.push([key, value]);
    return !key.endsWith(".refused");
  };
  try {
    parseConfig(Buffer.from(text, "latin1"), "file", take);
  } catch (error) {
    assert.ok(error instanceof StorageError, String(error));
    return { pairs, fault: error.message };
  }
  return { pairs };
}

const LINES: readonly string[] = [
  "",
  "  \t",
  '# a comment, "quoted" \xe9',
  "\t; another",
  "[core]",
  "\t[Core.Sub-section]  ",
  '[remote "Origin/\xfc"]',
  '[remote\t"a b]c"]',
  "key",
  "  Some-Key2 \t",
  "key=value",
  "\tkey = a value  of words ",
  "key =",
  "key = tail\t",
  "key = in\tside",
  'key = "quoted ; "text # comment',
  "key = back\\\\slash",
  "key = \xe9",
  "key = [not] a ~section!",
  "key\r = value",
  "refused = no",
  "key = value\r",
  "1key = value",
  "key value",
  "[]",
  "[core] key = value",
  "[half",
  "key = a\0b",
];

describe("parseConfig", () => {
  it("reads plain files as it reads all others", () => {
    for (let seed = 1; seed <= 600; seed++) {
      const random = seeded(seed);
      const count = 1 + random.int(8);
      // The first rows are plain; one that is not has all read the other way.
      const among = LINES.slice(0, random.pick([15, LINES.length]));
      const text = Array.from(
        { length: count },
        () => `${random.pick(among)}\n`,
      ).join("");
      // No plain file has a carriage return.
      const other = `${text}#\r\n`;
      assert.deepEqual(
        outcomeOf(text),
        outcomeOf(other),
        `seed ${seed}: ${JSON.stringify(text)}`,
      );
    }
  });

  it("reads sections of both spellings, and keys without a value", () => {
    assert.deepEqual(
      pairsOf(
        '[Core]\n\tBare = true\n[remote "Origin"] url=a\n[Branch.Main]x\n',
      ),
      [
        ["core.bare", "true"],
        ["remote.Origin.url", "a"],
        ["branch.main.x", undefined],
      ],
    );
  });

  it("reads quotes, escapes, comments and continued lines", () => {
    const text = '[a]\nb = " x ; " y # z\nc = p\\\n  q\\t\\"\\\\\nd = 1  2 ;\n';
    assert.deepEqual(pairsOf(text), [
      ["a.b", " x ;  y"],
      ["a.c", 'p  q\t"\\'],
      ["a.d", "1  2"],
    ]);
  });

  it("reads CR LF, a byte order mark and a last line without its end", () => {
    assert.deepEqual(pairsOf("\xef\xbb\xbf[a]\r\nb = c\r\nd=e"), [
      ["a.b", "c"],
      ["a.d", "e"],
    ]);
  });

  it("names the line and the file in git's words", () => {
    const lines: [string, number][] = [
      ["[a]\nb = c\n1 = d\n", 3],
      ['[a]\nb = "open\n', 2],
      ["[a\n", 1],
      ["[a]\nb = \\q\n", 2],
      ['[a "b]\n', 1],
      ["\xef\xbbx", 1],
    ];
    for (const [text, line] of lines) {
      const message = faultOf(() => pairsOf(text));
      assert.equal(message, `bad config line ${line} in file file`, text);
    }
  });

  it("accepts, refuses and reads random texts as git does", async () => {
    const seed = 20_240_501;
    const random = seeded(seed);
    const directory = temporaryDirectory("config");
    let refused = 0;
    for (let i = 0; i < 300; i++) {
      const text = randomConfig(random);
      const path = join(directory, `c${i}`);
      writeFileSync(path, Buffer.from(text, "latin1"));
      const result = await tryGit(["config", "--list", "-z", "-f", path]);
      const label = `seed ${seed}, text ${i}: ${JSON.stringify(text)}`;
      let ours: ConfigPair[] | string;
      try {
        ours = readConfigFiles([path], { fileSystem: NODE_FILES });
      } catch (error) {
        ours = (error as Error).message;
      }
      if (result.code === 0) {
        assert.deepEqual(ours, listed(result.stdout), label);
      } else {
        refused++;
        assert.equal(`fatal: ${ours}\n`, result.stderr, label);
      }
    }
    assert.ok(refused > 30 && refused < 270, `${refused} of 300 refused`);
  });
});

const PIECES: readonly string[] = [
  "[core]\n",
  "[a.B-1]",
  '[sub "Na\\"me\\\\ x"]\n',
  '[x "]',
  '[x "y" ]\n',
  "[ x]",
  "[]",
  "[\0]",
  "key = value\n",
  "key=\n",
  "key\n",
  "Key-2 \t=  v 1  2\t;c\n",
  'q = " a\\tb\\n" c\n',
  'q = "\n',
  "c = one\\\n two\n",
  "c = one\\\r\n two\r\n",
  "e = \\x\n",
  "u = \xc3\xa9\xff\n",
  "n = a\0b\n",
  "_bad = 1\n",
  "1bad = 1\n",
  "# comment [x]\n",
  "  ; comment\r\n",
  "\n",
  "\r",
  "\t ",
  "\xef\xbb\xbf",
  '"',
  "\\",
  "=",
  "i = 0x10k\r\n",
];

function randomConfig(random: Random): string {
  let text = random.int(4) > 0 ? "[core]\n" : "";
  const safe = random.int(2) > 0;
  for (let i = random.int(8); i >= 0; i--) {
    text += random.pick(safe ? PIECES.slice(8, 16) : PIECES);
  }
  return random.int(5) === 0
    ? text.slice(0, random.int(text.length + 1))
    : text;
}

describe("readConfigFiles", () => {
  const root = temporaryDirectory("include");
  const at = (name: string): string => join(root, name);

  function write(name: string, text: string): string {
    writeFileSync(at(name), text);
    return at(name);
  }

  /** What both read of a file with its includes, beside a repository. */
  async function compare(
    path: string,
    gitDir: string,
    context: Partial<ConfigContext> = {},
  ): Promise<void> {
    const result = await tryGit(
      ["config", "--list", "-z", "--includes", "-f", path],
      { cwd: gitDir, env: { GIT_DIR: gitDir } },
    );
    assert.equal(result.code, 0, result.stderr);
    const ours = readConfigFiles([path], {
      fileSystem: NODE_FILES,
      gitDir,
      home: gitHome(),
      ...context,
    });
    assert.deepEqual(ours, listed(result.stdout));
  }

  it("has no pairs for a file that is not there", () => {
    assert.deepEqual(
      readConfigFiles([at("absent")], { fileSystem: NODE_FILES }),
      [],
    );
  });

  it("follows includes beside the file, absolute ones, and absent ones", async () => {
    await git(["init", "-q", "--bare", at("plain.git")]);
    mkdirSync(at("deep"));
    write("deep/one", "[one]\nx = 1\n[include]\npath = two\n");
    write("deep/two", "[two]\nx = 2\n");
    write("three", "[three]\nx = 3\n");
    writeFileSync(join(gitHome(), "homely"), "[home]\nx = 4\n");
    const path = write(
      "main",
      "[a]\nb = 1\n[include]\npath = deep/one\npath = gone\n" +
        `path = ${at("three")}\npath = ~/homely\n[a]\nb = 2\n`,
    );
    await compare(path, at("plain.git"));
  });

  it("follows conditional includes as git does", async () => {
    await git(["init", "-q", "-b", "topic/x", at("Work")]);
    symlinkSync("Work", at("alias"));
    write("yes", "[yes]\nx = 1\n");
    const conditions = [
      `gitdir:${root}/Work/.git`,
      `gitdir:${root}/Work/`,
      `gitdir:${root}/work/`,
      `gitdir/i:${root}/work/`,
      "gitdir:Work/",
      "gitdir:./Work/.git",
      "gitdir:.git",
      "gitdir:*/.git",
      "gitdir:**/W?rk/**",
      "gitdir:~/",
      "gitdir:W[n-p]rk/.git",
      "onbranch:topic/",
      "onbranch:topic/*",
      "onbranch:*",
      "onbranch:**",
      "onbranch:other",
      "hasconfig:remote.*.url:https://host/**",
      "hasconfig:remote.*.url:https://other/**",
      "unknown:x",
    ];
    let text = '[remote "o"]\nurl = https://host/a/b\n';
    conditions.forEach((condition, i) => {
      write(`yes${i}`, `[yes]\nx = ${i}\n`);
      text += `[includeIf "${condition}"]\npath = yes${i}\n`;
    });
    const path = write("conditional", text);
    const headTarget = () => "refs/heads/topic/x";
    await compare(path, at("Work/.git"), { headTarget });
    await compare(path, at("alias/.git"), { headTarget });
  });

  it("stops at git's depth of includes", () => {
    const path = write("circle", "[include]\npath = circle\n");
    const message = faultOf(() =>
      readConfigFiles([path], { fileSystem: NODE_FILES })
    );
    assert.match(message, /^exceeded maximum include depth \(10\) while/);
  });

  it("refuses an include without a path at its line", () => {
    const path = write("valueless", "[include]\n\tpath\n");
    assert.equal(
      faultOf(() => readConfigFiles([path], { fileSystem: NODE_FILES })),
      `bad config line 2 in file ${path}`,
    );
  });

  it("refuses remote URLs below a condition on remote URLs", () => {
    write("urls", '[remote "x"]\nurl = y\n');
    const path = write(
      "has-url",
      '[includeIf "hasconfig:remote.*.url:y"]\npath = urls\n',
    );
    assert.match(
      faultOf(() => readConfigFiles([path], { fileSystem: NODE_FILES })),
      /^remote URLs cannot be configured in file/,
    );
  });

  it("refuses a file beyond the limit", () => {
    const path = write("large", "#".repeat(17 * 1024 * 1024));
    assert.match(
      faultOf(() => readConfigFiles([path], { fileSystem: NODE_FILES })),
      /exceed/,
    );
  });
});

describe("ConfigView", () => {
  const view = configView([
    ["a.b", "1"],
    ["a.b", "2"],
    ["a.bare", undefined],
    ["a.empty", ""],
  ]);

  it("gives the last value, all values, and none", () => {
    assert.equal(view.get("a.b"), "2");
    assert.deepEqual(view.all("a.b"), ["1", "2"]);
    assert.equal(view.get("a.c"), undefined);
    assert.deepEqual(view.all("a.c"), []);
    assert.equal(view.get("a.bare"), "");
    assert.ok(view.boolean("a.bare"));
    assert.ok(!view.boolean("a.empty"));
    assert.equal(view.boolean("a.c"), undefined);
    assert.equal([...view.entries()].length, 4);
  });

  it("reads booleans and integers as git does, with its complaints", async () => {
    const directory = temporaryDirectory("typed");
    const values = [
      "true",
      "YES",
      "on",
      "false",
      "no",
      "Off",
      "0",
      "1",
      "-1",
      "2k",
      "0x1F",
      "010",
      "08",
      " 7",
      "1 k",
      "1kb",
      "3G",
      "2147483647",
      "2147483648",
      "9223372036854775808",
      "x",
      "+5m",
      "--5",
      "0x",
      "-0",
    ];
    for (const [i, value] of values.entries()) {
      const path = join(directory, `v${i}`);
      writeFileSync(path, `[v]\nx = "${value}"\n`);
      const typed = configView([["v.x", value]]);
      for (
        const [type, read] of [
          ["bool", () => typed.boolean("v.x")],
          ["int", () => typed.integer("v.x")],
        ] as const
      ) {
        const result = await tryGit(["config", "-f", path, `--${type}`, "v.x"]);
        const want = result.code === 0
          ? result.stdout.trim()
          : result.stderr.trim().replace(` in file ${path}`, "");
        let have: string;
        try {
          have = String(read());
        } catch (error) {
          assert.ok(error instanceof StorageError);
          have = `fatal: ${error.message}`;
        }
        assert.equal(have, want, `${type} of ${JSON.stringify(value)}`);
      }
    }
  });
});
