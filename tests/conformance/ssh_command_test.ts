/**
 * What SSH clients may ask for: our parser beside `git shell -c`, over a table
 * and over seeded junk. What git-shell would run is told by a `git` of ours.
 *
 * @module
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fatalLine } from "../../src/cli/fatal.ts";
import { RefusedError } from "../../src/core/errors.ts";
import {
  MAX_COMMAND_LENGTH,
  parseSshCommand,
} from "../../src/wire/ssh_command.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { gitEnvironment, gitSync } from "../support/git.ts";
import { seeded } from "../support/random.ts";
import { after, describe, it } from "../support/test.ts";

const directory = temporaryDirectory("ssh-command");
const SHELL = join(gitSync(["--exec-path"]).trim(), "git-shell");
const fake = join(directory, "git");
writeFileSync(fake, `#!/bin/sh\nprintf 'run:'\nprintf '<%s>' "$@"\n`);
chmodSync(fake, 0o755);

after(() => rmSync(directory, { recursive: true, force: true }));

/** What git-shell makes of a command: what it runs, or its last words. */
function shell(command: string): string {
  const { stdout, stderr, error } = spawnSync(SHELL, ["-c", command], {
    env: gitEnvironment({ GIT_EXEC_PATH: directory }),
    encoding: "utf8",
  });
  if (error !== undefined) throw error;
  return stdout + stderr;
}

function ours(command: string): string {
  try {
    const { program, argument } = parseSshCommand(command);
    return `run:<${program.slice(4)}><${argument}>`;
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    return fatalLine(error.message);
  }
}

const COMMANDS = [
  "git-upload-pack '/srv/a.git'",
  "git upload-pack '/srv/a.git'",
  "git\tupload-pack '/srv/a.git'",
  "git\nupload-pack '/srv/a.git'",
  "git  upload-pack '/srv/a.git'",
  "git\vupload-pack 'a'",
  "git-upload-archive 'a'",
  "git upload-archive 'a'",
  "git-receive-pack 'a'",
  "git receive-pack 'it'\\''s'",
  "git-upload-pack 'bang'\\!''",
  "git-upload-pack ''\\''a'",
  "git-upload-pack 'a'\\''",
  "git-upload-pack 'a'\\'b'",
  "git-upload-pack 'a'\\a'b'",
  "git-upload-pack ''",
  "git-upload-pack a",
  "git-upload-pack /a",
  'git-upload-pack "a"',
  "git-upload-pack",
  "git-upload-pack ",
  "git-upload-pack  'a'",
  "git-upload-pack\t'a'",
  "git-upload-pack 'a' ",
  "git-upload-pack 'a' 'b'",
  "git-upload-pack 'a''b'",
  "git-upload-pack 'a",
  "git-upload-pack a'",
  "git-upload-pack '-oX'",
  "git-upload-pack '--strict' 'a'",
  "git-upload-pack --strict 'a'",
  "git-upload-pack --help",
  "git-upload-pack '--help'",
  "git-upload-pack 'a';id",
  "git-upload-pack 'a'; id",
  "git-upload-pack 'a'`id`",
  "git-upload-pack '$(id)'",
  "git-upload-pack 'a\nb'",
  "git-upload-pack 'a'\n",
  "git-upload-packs 'a'",
  "git-upload-pack.exe 'a'",
  "GIT_DIR=/x git-upload-pack 'a'",
  "GIT-upload-pack 'a'",
  " git-upload-pack 'a'",
  "/usr/bin/git-upload-pack 'a'",
  "git",
  "git ",
  "git clone 'a'",
  "cvs server",
  "scp -f x",
  "ls\x1b[31m",
  "echo 'a",
  'echo "a',
  "echo a\\",
  "echo 'a\\",
  "'",
  "\\",
  ";",
];

describe("a command of an SSH client", () => {
  for (const command of COMMANDS) {
    it(`is taken as git-shell takes it: ${JSON.stringify(command)}`, () => {
      assert.equal(ours(command), shell(command));
    });
  }

  for (const seed of [1, 2, 3, 4]) {
    it(`is taken as git-shell takes it, whatever it is, seed ${seed}`, () => {
      const random = seeded(seed);
      let taken = 0;
      for (let i = 0; i < 120; i++) {
        const command = junk(random);
        const said = ours(command);
        assert.equal(
          said,
          shell(command),
          `seed ${seed}, case ${i}: ${JSON.stringify(command)}`,
        );
        if (said.startsWith("run:")) taken++;
      }
      // Most of it is refused; a generator of nothing else proves little.
      assert.ok(taken > 5, `only ${taken} were taken`);
    });
  }

  it("is refused where it is longer than git-shell reads", () => {
    const long = "a".repeat(MAX_COMMAND_LENGTH);
    assert.throws(
      () => parseSshCommand(`git-upload-pack '${long}'`),
      { message: "invalid command format: input too long" },
    );
  });

  it("keeps NUL in the path, which no repository has", () => {
    assert.equal(parseSshCommand("git-upload-pack 'a\0b'").argument, "a\0b");
  });
});

// Fewest words for most of what the parser looks at.
const PIECES = ["'", "'", "\\''", "'\\''", "'\\!'", "\\", "!", '"', " ", "\t"]
  .concat(["\n", "-", "a", "/", ".", ";", "$", "`", "git", "é"]);
const STARTS = ["git-upload-pack '", "git upload-pack '", "git-upload-pack "]
  .concat(["git-upload-archive '", "git receive-pack '", "git-", "git ", ""]);

function junk(random: ReturnType<typeof seeded>): string {
  let command = random.pick(STARTS);
  const count = random.int(7);
  for (let i = 0; i < count; i++) command += random.pick(PIECES);
  return random.int(2) === 0 ? `${command}'` : command;
}
