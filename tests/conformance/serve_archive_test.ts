/**
 * Archives over every transport there is: from `serve-command` beside git's own
 * program, for `git archive --remote`, and from a daemon by git's rules. What
 * archives hold is `archive_test.ts`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { exportOk, smallRepository } from "../support/fixture_small.ts";
import {
  type GitResult,
  gitSync,
  runProgram,
  tryGit,
  tryGitAgain,
} from "../support/git.ts";
import { itInParallel } from "../support/git_jobs.ts";
import {
  serverEnvironment,
  serviceCommand,
  serviceScript,
  startDaemon,
} from "../support/server.ts";
import { packets, parsePackets, toBuffer } from "../support/wire_client.ts";
import { after, describe, it } from "../support/test.ts";

// Set up here, not in a hook: the tests below take these as constants.
const root = temporaryDirectory("serve-archive");
const { path: good, main: tip } = smallRepository(join(root, "good.git"));
exportOk(good);
gitSync(["clone", "-q", good, join(root, "work")]);
smallRepository(join(root, "future.git"));
gitSync(["config", "core.repositoryformatversion", "99"], {
  cwd: join(root, "future.git"),
});
mkdirSync(join(root, "empty"));
writeFileSync(join(root, "dead"), "gitdir: /nowhere\n");
for (const [name, value] of [["on", "true"], ["off", "false"]] as const) {
  const { path } = smallRepository(join(root, `${name}.git`));
  gitSync(["config", "daemon.uploadarch", value], { cwd: path });
  exportOk(path);
}

after(() => rmSync(root, { recursive: true, force: true }));

/** One run of either program. */
interface Run {
  readonly args: readonly string[];
  readonly input: string | Uint8Array;
}

const ARCHIVES: Readonly<Record<string, Run>> = {
  "a repository": { args: ["good.git"], input: archive("main") },
  "a work tree": { args: ["work"], input: archive("main", "dir") },
  "the list of formats": { args: ["good.git"], input: archive("--list") },
  "nothing": { args: ["none"], input: archive("main") },
  "a directory that is none": { args: ["empty"], input: archive("main") },
  "a gitfile to nowhere": { args: ["dead"], input: archive("main") },
  "a format from the future": { args: ["future.git"], input: archive("main") },
  "a ref that is none": { args: ["good.git"], input: archive("none") },
  "an id": { args: ["good.git"], input: archive(tip) },
  "an option that is none": {
    args: ["good.git"],
    input: archive("--evil", "main"),
  },
  "a file for the server to write": {
    args: ["good.git"],
    input: archive("--output=/nowhere/x", "main"),
  },
  "no input": { args: ["good.git"], input: "" },
  "a client that leaves in a packet": {
    args: ["good.git"],
    input: "0020argu",
  },
  "two directories": { args: ["good.git", "work"], input: archive("main") },
  "no directory": { args: [], input: archive("main") },
  "help": { args: ["-h"], input: archive("main") },
  "an unknown option": { args: ["--evil", "good.git"], input: archive("main") },
};

function archive(...args: readonly string[]): Uint8Array {
  return packets(...args.map((arg) => `argument ${arg}`), "0000");
}

/** What the client hears: git may cut its words on a band into packets. */
function heard(output: string): Record<string, string> {
  const said: Record<string, string> = {};
  for (const packet of parsePackets(toBuffer(output))) {
    if (packet.type !== "data") continue;
    const isBand = packet.text.charCodeAt(0) < 4;
    const band = isBand ? `band ${packet.text.charCodeAt(0)}` : "plain";
    said[band] = (said[band] ?? "") + packet.text.slice(isBand ? 1 : 0);
  }
  return said;
}

describe("serve-command git-upload-archive ends as git's own program", () => {
  itInParallel(
    Object.entries(ARCHIVES).map(([title, { args, input = "" }]) => ({
      title: `with ${title}`,
      run: async () => {
        const [own, gits] = await Promise.all(
          (["ours", "git"] as const).map((kind) => {
            const command = serviceCommand("git-upload-archive", kind);
            return runProgram(command.program, [...command.args, ...args], {
              cwd: root,
              env: serverEnvironment(),
              input,
            });
          }),
        );
        assert.ok(own !== undefined && gits !== undefined);
        assert.deepEqual(
          { code: own.code, signal: own.signal, stderr: own.stderr },
          { code: gits.code, signal: gits.signal, stderr: gits.stderr },
        );
        assert.deepEqual(heard(own.stdout), heard(gits.stdout));
      },
    })),
  );

  it("for git archive --remote --exec", async () => {
    const exec = serviceScript("git-upload-archive", "ours");
    const asked = [
      [good, "main"],
      [good, "--format=zip", "--prefix=p/", "v1", "file"],
      [good, "--list"],
      [good, "none"],
      [join(root, "empty"), "main"],
    ];
    for (const [path, ...args] of asked) {
      const [own, gits] = await Promise.all([
        tryGit(["archive", `--remote=${path}`, `--exec=${exec}`, ...args]),
        tryGitAgain(["archive", `--remote=${path}`, ...args]),
      ]);
      assert.deepEqual(saidBy(own), saidBy(gits), args.join(" "));
    }
  });
});

/**
 * Two processes share standard error: their lines come in any order. Zip
 * archives are another compressor's work.
 */
function saidBy({ code, stdout, stderr }: GitResult): unknown {
  const output = stdout.startsWith("PK") ? "a zip archive" : stdout;
  return { code, output, stderr: stderr.split("\n").sort() };
}

describe("a daemon by git's rules", () => {
  const KINDS = ["ours", "git"] as const;
  const variants: readonly (readonly string[])[] = [
    [],
    ["--enable=upload-archive"],
    ["--enable=upload-archive", "--forbid-override=upload-archive"],
  ];
  for (const args of variants) {
    it(
      `gives the archives that git daemon gives with ${
        args.join(" ") || "its defaults"
      }`,
      async () => {
        const daemons = await Promise.all(
          KINDS.map((kind) =>
            startDaemon({
              args: ["--informative-errors", ...args, `--base-path=${root}`],
              kind,
            })
          ),
        );
        try {
          for (const name of ["good", "on", "off", "none"]) {
            const [own, gits] = await Promise.all(
              daemons.map(async (daemon, i) => {
                const ask = KINDS[i] === "git" ? tryGitAgain : tryGit;
                const url = daemon.url(`/${name}.git`);
                const result = await ask([
                  "archive",
                  `--remote=${url}`,
                  "main",
                ]);
                return { ...result, stderr: result.stderr.trimEnd() };
              }),
            );
            assert.deepEqual(own, gits, name);
          }
        } finally {
          await Promise.all(daemons.map((daemon) => daemon.stop()));
        }
      },
    );
  }
});
